"""Fields that are not read are kept, within bounds."""

from helpers import anomalies, call, chunk, run

from streamfsm import Limits


def test_fields_that_are_not_read_are_kept_where_they_were_each_value_once():
    entry = {**call(0, "a", "f", "{}"), "extra_content": {"signature": "s"}}
    chunks = [
        {**chunk(content="Hi", annotations=[1]), "citations": ["u"], "obfuscation": "xyz", "empty": None},
        {**chunk(entry, annotations=[2]), "citations": ["u"]},
        {**chunk(finish="tool_calls", annotations=[1]), "citations": ["u", "v"]},
    ]
    chunks[0]["choices"][0]["stop_details"] = {"a": 1}
    result = run(chunks)[1].result
    assert result.extras == {"citations": [["u"], ["u", "v"]]}
    assert result.choices[0].extras == {"annotations": [[1], [2]], "stop_details": [{"a": 1}]}
    assert result.tool_calls[0].extras == {"extra_content": [{"signature": "s"}]}
    assert anomalies(run(chunks)[1]) == []


def test_what_is_kept_of_them_is_bounded_and_said():
    chunks = [
        {"choices": [], "note": "x" * 10, "other": 1},
        {"choices": [], "note": "y" * 100},
        {"choices": [], "z": 1},
    ]
    parser = run([*chunks, *chunks], limits=Limits(extras=30))[1]
    assert parser.result.extras == {"note": ["x" * 10], "other": [1], "z": [1]}
    assert [anomaly.kind for anomaly in parser.result.anomalies] == ["more_extras"]
    assert "'note'" in parser.result.anomalies[0].detail
    assert parser.state == "done"


def test_a_value_that_comes_again_takes_no_room_and_all_of_the_room_may_be_taken():
    chunks = [{"choices": [], "note": "x" * 10}] * 3
    full = len("note") + len('"xxxxxxxxxx"')
    assert anomalies(run(chunks, limits=Limits(extras=full))[1]) == []
    assert anomalies(run(chunks, limits=Limits(extras=full - 1))[1]) == ["more_extras"]

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


def test_ids_of_tokens_are_kept_for_each_piece_also_if_they_are_the_same():
    chunks = [chunk(content="ha"), chunk(content="ha"), chunk(finish="stop")]
    for each in chunks[:2]:
        each["choices"][0]["token_ids"] = [5]
    assert run(chunks)[1].result.choices[0].extras == {"token_ids": [[5], [5]]}


def test_a_custom_tool_whose_input_may_be_in_another_field_is_not_ready():
    entry = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "arguments": "x"}}
    parser = run([chunk(entry), chunk(finish="tool_calls")])[1]
    assert anomalies(parser) == ["unread_arguments"]
    (found,) = parser.result.tool_calls
    assert (found.name, found.extras, found.ready) == ("f", {"custom": [{"arguments": "x"}]}, False)

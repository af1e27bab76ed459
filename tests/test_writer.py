"""What the writer makes of a text."""

from streamfsm import StreamParser
from streamfsm.core.lanes import TextLane


def test_text_in_a_state_that_emits_nothing_is_dropped():
    writer = StreamParser()._response.writer
    writer.text(TextLane(0, "content"), "x")
    assert writer.drain() == []

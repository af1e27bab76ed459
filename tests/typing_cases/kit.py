"""The kit, put to a parser of one's own."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamfsm.testing import (
    Parser,
    Said,
    Stream,
    TracedParser,
    check_nothing_lost,
    check_split_invariance,
    check_total,
    chunkings,
    logical_streams,
)


class Mine:
    """Gives content, and nothing at the end."""

    def feed(self, chunk: dict[str, Any]) -> Iterator[Said]:
        for choice in chunk["choices"]:
            yield Said("content", choice["index"], choice["delta"].get("content", ""))

    def close(self) -> None:
        pass


class Other:
    """No parser: it cannot be closed."""

    def feed(self, chunk: object) -> list[str]:
        return [repr(chunk)]


a_parser: Parser = Mine()
no_parser: Parser = Other()  # type: ignore[assignment]


@given(st.data(), logical_streams())
def test_no_chunking_changes_what_is_said(data: st.DataObject, stream: Stream) -> None:
    check_split_invariance(Mine, stream, data.draw(chunkings(stream)))
    check_nothing_lost(partial(TracedParser, assistant_tool=None), stream, kinds=("content",))
    check_total(Mine, stream.plain())

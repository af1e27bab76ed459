"""The text and reasoning of a response as parts for an agent's message store."""

from typing import TypeAlias

from streamfsm.messages import (
    OmittedReasoningContent,
    ReasoningContent,
    SummarizedReasoningContent,
    SummarizedReasoningContentPart,
    TextContent,
)
from streamfsm.result import ChoiceResult, ReasoningDetail

Content: TypeAlias = TextContent | ReasoningContent | SummarizedReasoningContent | OmittedReasoningContent


def parts(choice: ChoiceResult) -> list[Content]:
    """Return the content and native reasoning of a choice in the order in which they came, then its refusal."""
    thoughts = _reasoning(choice)
    found: list[Content] = []
    for position, text in enumerate(choice.content_parts):
        found += [*thoughts.pop(position, ()), TextContent(text=text)]
    found += [part for rest in thoughts.values() for part in rest]
    return found + [TextContent(text=choice.refusal)] * bool(choice.refusal)


def _reasoning(choice: ChoiceResult) -> dict[int, list[Content]]:
    """Return native reasoning by the number of content parts before it; details with the same id are one item."""
    positions = choice.reasoning_positions or [0] * len(choice.reasoning_details)
    details = list(zip(positions, choice.reasoning_details, strict=True))
    ids: dict[int, set[str]] = {}
    for position, detail in details:
        ids.setdefault(position, set()).update([detail.id] if detail.id else [])
    items: dict[str | int, tuple[int, list[ReasoningDetail]]] = {}
    for position, detail in details:
        only = next(iter(ids[position])) if len(ids[position]) == 1 else None  # some send it with the last only
        items.setdefault(detail.id or only or position, (position, []))[1].append(detail)
    found: dict[int, list[Content]] = {}
    for name, (position, of_item) in items.items():
        found.setdefault(position, []).extend(_item(name if isinstance(name, str) else None, of_item))
    omitted = all(isinstance(part, OmittedReasoningContent) for each in found.values() for part in each)
    if choice.reasoning and omitted:
        return {0: [ReasoningContent(reasoning=choice.reasoning, signature=_signature(choice.reasoning_details))]}
    return found


def _item(item_id: str | None, details: list[ReasoningDetail]) -> list[Content]:
    """Return the parts of one item: its summary or encrypted data, then its text."""
    signature = _signature(details)
    data = next((detail.data for detail in reversed(details) if detail.data), None)
    texts = [detail.text for detail in details if detail.text and detail.type != "summary"]
    summary = [
        SummarizedReasoningContentPart(index=place, text=detail.text)
        for place, detail in enumerate(detail for detail in details if detail.type == "summary" and detail.text)
    ]
    found: list[Content] = []
    if summary or (item_id and data):
        found.append(SummarizedReasoningContent(id=item_id, summary=summary, encrypted_content=data))
    if texts:
        found.append(ReasoningContent(reasoning="".join(texts), signature=signature))
    return found or [OmittedReasoningContent(signature=signature)]


def _signature(details: list[ReasoningDetail]) -> str | None:
    return next((detail.signature for detail in reversed(details) if detail.signature), None)

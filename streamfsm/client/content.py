"""What a response says, as parts for an agent's message store."""

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


def reasoning(choice: ChoiceResult) -> list[Content]:
    """Return the native reasoning of a choice: by items, where the server gives them ids."""
    ids = {detail.id for detail in choice.reasoning_details if detail.id}
    only = ids.pop() if len(ids) == 1 else None  # some servers give it to the last detail only
    items: dict[str | None, list[ReasoningDetail]] = {}
    for detail in choice.reasoning_details:
        items.setdefault(detail.id or only, []).append(detail)
    parts = [part for item_id, details in items.items() for part in _item(item_id, details)]
    if choice.reasoning and all(isinstance(part, OmittedReasoningContent) for part in parts):
        return [ReasoningContent(reasoning=choice.reasoning, signature=_signature(choice.reasoning_details))]
    return parts


def _item(item_id: str | None, details: list[ReasoningDetail]) -> list[Content]:
    """Return the parts of one item: its summary or what is encrypted, then its text."""
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

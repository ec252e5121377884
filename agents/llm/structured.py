"""Structured output as LangChain words it, for every kind of chat model of the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import TypeAdapter

from ...schema import AuthorError
from .answers import held_to, read_answer, whole_text


class StructuredAnswers(BaseChatModel):
    """A chat model that takes `response_format`; its answers are parsed and validated again all the same."""

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **_: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """A chat model that answers with what a JSON schema or a pydantic class describes.

        With `include_raw` its answer is a dict of `raw`, `parsed` and `parsing_error`; without it an answer
        that does not fit raises AuthorError.
        """
        shape: TypeAdapter[Any] = TypeAdapter(dict[str, Any] if isinstance(schema, Mapping) else schema)

        def parse(raw: BaseMessage) -> Any:
            try:
                parsed, problem = read_answer(whole_text(raw), shape), None
            except AuthorError as error:
                if not include_raw:
                    raise
                parsed, problem = None, error
            return {"raw": raw, "parsed": parsed, "parsing_error": problem} if include_raw else parsed

        json_schema = dict(schema) if isinstance(schema, Mapping) else convert_to_json_schema(schema)
        return self.bind(**held_to(json_schema)) | RunnableLambda(parse)

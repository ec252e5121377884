"""Batches in vLLM's own engine in this process (the extra `vllm`): `engine:MODEL?max_model_len=8192&...`.

Many questions are one call, which vLLM schedules itself: `batch` and `abatch` hand over all of them at once.
LOGISIGHT_LLM_MAX_TOKENS bounds each answer; there is no time limit, since a batch is as long as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from typing import Annotated, Any, Final, Literal

from jinja2 import TemplateError
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables.config import RunnableConfig, get_config_list, run_in_executor
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...schema import ModelError, QuestionError
from . import settings
from .answers import in_one_line
from .here import ModelHere, found, freed
from .messages import Conversation, Wishes, Written, conversation_of, message_of, odds_of, special_tokens
from .seat import SEAT, ModelBrokenError

MOST_PICTURES: Final = 16
"""In one question."""

_ENVIRONMENT: Final = {
    "VLLM_NO_USAGE_STATS": "1",
    # What the command line prints belongs to LogiSight.
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
}
"""Set where the user has not: what vLLM and its workers read when they start."""
_BROKEN: Final = (RuntimeError, ValueError, TypeError, KeyError, OSError, AssertionError, TemplateError)
"""What vLLM, transformers and a model's template raise besides vLLM's own errors."""


class EngineOptions(BaseModel):
    """What may stand behind the ? of `engine:MODEL`, named as vLLM names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_model_len: Annotated[int, Field(ge=1)] | None = None
    """Tokens of a question and its answer together."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the GPU's memory, or of the machine's on a CPU."""
    tensor_parallel_size: Annotated[int, Field(ge=1)] = 1
    """GPUs that share the model."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    enforce_eager: bool = False
    load_format: Literal["safetensors", "dummy"] = "safetensors"
    """`dummy` fills the model with random numbers."""


class Engine:
    """vLLM with one model loaded. Close it to free it."""

    def __init__(self, name: str, folder: str, options: EngineOptions) -> None:
        """Start vLLM with the model in a folder.

        Raises:
            ModelError: It cannot be started.
            ModuleNotFoundError: vLLM is not installed.
        """
        for variable, value in _ENVIRONMENT.items():
            os.environ.setdefault(variable, value)
        import vllm
        from vllm.exceptions import VLLMError

        self._name, self._vllm = name, vllm
        self._refusals = (VLLMError, *_BROKEN)
        try:
            self._llm = vllm.LLM(
                model=folder,
                trust_remote_code=False,
                seed=0,
                enable_prefix_caching=True,
                limit_mm_per_prompt={"image": MOST_PICTURES},
                # Pictures travel inside the question; this name never resolves.
                allowed_media_domains=["nowhere.invalid"],
                # White space is not worth its tokens, and small models would write it without end.
                structured_outputs_config={"backend": "xgrammar", "disable_any_whitespace": True},
                **options.model_dump(exclude_none=True),
            )
        except self._refusals as error:
            raise ModelError(
                f"{name} cannot be started by vLLM {vllm.__version__} ({_words(error)}); the log above says "
                f"more, and after ? may stand: {', '.join(EngineOptions.model_fields)}"
            ) from error

    def close(self) -> None:
        """Stop vLLM's workers, and free the memory."""
        self._llm.llm_engine.engine_core.shutdown()
        del self._llm
        freed()

    @property
    def llm(self) -> Any:
        """The `LLM` of vLLM."""
        return self._llm

    def prepared(self, messages: Sequence[BaseMessage]) -> Conversation:
        """The messages as `LLM.chat` takes them.

        Raises:
            QuestionError: They cannot be put to a chat model.
        """
        return conversation_of(messages, special_tokens(self._llm.get_tokenizer()))

    def sampling(self, wishes: Wishes) -> Any:
        """The wishes as vLLM's SamplingParams."""
        schema = wishes.json_form
        return self._vllm.SamplingParams(
            max_tokens=wishes.max_tokens,
            temperature=wishes.temperature,
            seed=wishes.seed if wishes.temperature else None,
            stop=wishes.stop,
            logprobs=wishes.top_logprobs if wishes.logprobs else None,
            structured_outputs=schema and self._vllm.sampling_params.StructuredOutputsParams(json=schema),
        )

    def answers(
        self, questions: Sequence[Sequence[BaseMessage]], wishes: Wishes
    ) -> list[Written | ModelError]:
        """What is answered to each of the questions, or why it is not, in their order.

        Raises:
            ModelBrokenError: vLLM itself broke down.
        """
        given: dict[int, Written | ModelError] = {}
        good: dict[int, Conversation] = {}
        for index, messages in enumerate(questions):
            try:
                good[index] = self.prepared(messages)
            except ModelError as error:
                given[index] = error
        outputs = self._chat(list(good.values()), wishes)
        given |= dict(zip(good, outputs, strict=True))
        return [given[index] for index in range(len(questions))]

    def _chat(self, conversations: list[Conversation], wishes: Wishes) -> list[Written | ModelError]:
        """One call of `LLM.chat` for all; where it refuses, one for each half, down to the refused ones.

        It looks at all questions before it answers one, so that little is lost by that.
        """
        if not conversations:
            return []
        try:
            outputs = self._llm.chat(
                conversations, self.sampling(wishes), use_tqdm=False, tools=wishes.told_tools
            )
            return [self._read(output, wishes) for output in outputs]
        except self._vllm.v1.engine.exceptions.EngineDeadError as error:
            raise ModelBrokenError(
                f"vLLM broke down while it answered for {self._name}; the log above says why. Start again"
            ) from error
        except self._refusals as error:
            if len(conversations) == 1:
                return [QuestionError(f"{self._name} does not take the question ({_words(error)})")]
        half = len(conversations) // 2
        return self._chat(conversations[:half], wishes) + self._chat(conversations[half:], wishes)

    def _read(self, output: Any, wishes: Wishes) -> Written | ModelError:
        (answer,) = output.outputs
        if answer.finish_reason not in ("stop", "length"):
            return QuestionError(f"{self._name} gave up on the question ({answer.finish_reason})")
        return Written(
            answer.text,
            answer.finish_reason,
            len(output.prompt_token_ids),
            len(answer.token_ids),
            output.num_cached_tokens or 0,
            _odds(answer.token_ids, answer.logprobs, wishes.top_logprobs) if wishes.logprobs else None,
        )


class EngineModel(ModelHere):
    """A chat model in vLLM's own engine; many questions are best asked in one `batch`.

    Held to schemas, tools and log odds as `local` models are. Nothing streams: an answer comes as a whole.
    """

    model: str
    """A folder."""
    options: EngineOptions

    def engine(self) -> AbstractContextManager[Engine]:
        """The engine, which answers nobody else meanwhile; it is started where it does not run.

        Raises:
            ModelError: It cannot be started.
        """
        return SEAT.taken(self.known_as, partial(Engine, self.known_as, self.model, self.options))

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Answer all of these in one call of the engine, in their order.

        With `return_exceptions` a ModelError stands in the place of an answer that there is not; without it
        the first of them is raised.
        """
        questions = [self._convert_input(one).to_messages() for one in inputs]
        ready = self._answers(questions, self._wishes(stop, kwargs))
        given: list[Any] = []
        for one, own, answer in zip(inputs, get_config_list(config, len(inputs)), ready, strict=True):
            try:
                # Through `invoke`, so that callbacks and tracers see each question with its answer.
                given.append(self.invoke(one, own, stop=stop, ready=answer, **kwargs))
            except ModelError as error:
                if not return_exceptions:
                    raise
                given.append(error)
        return given

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """The same as `batch`, in a thread."""
        asked = partial(self.batch, inputs, config, return_exceptions=return_exceptions, **kwargs)
        return await run_in_executor(None, asked)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        ready: AIMessage | ModelError | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = ready or self._answers([messages], self._wishes(stop, kwargs))[0]
        if isinstance(answer, ModelError):
            raise answer
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _answers(
        self, questions: Sequence[Sequence[BaseMessage]], wishes: Wishes
    ) -> list[AIMessage | ModelError]:
        with self.engine() as engine:
            given = engine.answers(questions, wishes)
        return [
            one if isinstance(one, ModelError) else message_of(one, wishes, self.known_as) for one in given
        ]


def open_engine(text: str) -> EngineModel:
    """The model that `MODEL[?option=value&...]` names, loaded; a model that was open before is unloaded.

    Raises:
        ModelError: It is not there or cannot be started, or an option or a variable cannot be used.
        ModuleNotFoundError: vLLM is not installed.
    """
    name = f"engine:{text}"
    model, given = settings.split_options(name, EngineOptions.model_fields)
    try:
        options = EngineOptions.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(
            f"{in_one_line(name)}: {first['loc'][0]}={in_one_line(str(first['input']), 40)} cannot be used "
            f"({in_one_line(first['msg'])})"
        ) from None
    opened = _opened(name, found(name, model), options, settings.max_tokens())
    with opened.engine():
        return opened


# One for each name, and no more than one, so that the model of an earlier name can be freed.
@lru_cache(maxsize=1)
def _opened(name: str, model: str, options: EngineOptions, max_tokens: int) -> EngineModel:
    return EngineModel(known_as=name, model=model, options=options, max_tokens=max_tokens)


def _odds(tokens: Sequence[int], steps: Sequence[Mapping[int, Any]], most: int) -> list[dict[str, Any]]:
    told = []
    for token, step in zip(tokens, steps, strict=True):
        # vLLM adds the token that was taken, also where it is none of the likeliest.
        ranked = sorted(step.items(), key=lambda one: one[1].rank)
        top = [(odds.decoded_token, odds.logprob) for _, odds in ranked[:most]]
        told.append(odds_of(step[token].decoded_token, step[token].logprob, top))
    return told


def _words(error: Exception) -> str:
    return in_one_line(f"{type(error).__name__}: {error}")

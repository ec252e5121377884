"""The weights of a chat model in this process, run by transformers (the extra `local`)."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
import transformers
from jinja2 import TemplateError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    TextIteratorStreamer,
)

from ...schema import ModelError, QuestionError
from .answers import in_one_line
from .here import freed
from .messages import Conversation, Wishes, Written, odds_of, open_picture, special_tokens

try:
    import xgrammar
except ModuleNotFoundError:
    xgrammar = None

_GRAMMAR_BYTES: Final = 64 * 2**20
"""That schemas prepared for this model may take."""
_TRUSTED: Final = {"trust_remote_code": False}
_BROKEN: Final = (
    RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError, ImportError, OSError,
    AssertionError, TemplateError, SafetensorError,
)  # fmt: skip
"""What transformers and a model's own template and files raise."""


class Weights:
    """A loaded model with its tokenizer, and its picture processor where it has one. Close it to free it."""

    def __init__(self, name: str, folder: str, quant: str | None) -> None:
        """Load a model from a folder; `quant` is 4bit, 8bit or None for the numbers as they are.

        Raises:
            ModelError: It is no chat model, or cannot be loaded.
        """
        self._name = name
        with _loading(name), _without_bars():
            config = AutoConfig.from_pretrained(folder, **_TRUSTED)
            self.reads_pictures = hasattr(config, "vision_config")
            reader = AutoProcessor if self.reads_pictures else AutoTokenizer
            self._reader = reader.from_pretrained(folder, **_TRUSTED)
            self._tokenizer = self._reader.tokenizer if self.reads_pictures else self._reader
            if not self._reader.chat_template:
                raise ModelError(
                    f"{name} has no chat template; name a model that was tuned to follow instructions"
                )
            self._model = _loaded(name, folder, quant, self.reads_pictures)
        self._sizes = config.get_text_config()
        self._ends = _as_list(self._model.generation_config.eos_token_id) or [self._tokenizer.eos_token_id]
        self._compiler: Any = None

    @property
    def special(self) -> list[str]:
        """See `special_tokens`."""
        return special_tokens(self._tokenizer)

    def close(self) -> None:
        """Free the memory."""
        self._model = self._reader = self._tokenizer = self._compiler = None
        freed()

    def streamer(self) -> TextIteratorStreamer:
        """What `answer` tells the words to as they are written; iterating over it ends with the answer."""
        return TextIteratorStreamer(self._tokenizer, skip_prompt=True, skip_special_tokens=True)

    def answer(
        self,
        conversation: Conversation,
        wishes: Wishes,
        seconds: float,
        given_up: threading.Event,
        streamer: TextIteratorStreamer | None = None,
    ) -> Written:
        """Write an answer, until it ends, has all its tokens, took so many seconds, or is given up.

        Raises:
            QuestionError: The model has no room for the question and its answer.
            ModelError: It reads no pictures, or fails.
        """
        with _answering(self._name), torch.inference_mode(), _seeded(wishes.seed):
            inputs = self._inputs(conversation, wishes)
            asked = int(inputs["input_ids"].shape[1])
            odds = _Odds(self._tokenizer, wishes.top_logprobs) if wishes.logprobs else None
            # Odds first, so that they are the model's own and not what a schema leaves of them.
            masks = [one for one in (odds, self._mask(wishes.json_form)) if one is not None]
            written = self._model.generate(
                **inputs,
                generation_config=self._settings(wishes, asked, seconds),
                logits_processor=masks,
                stopping_criteria=[lambda *_: given_up.is_set()],
                streamer=streamer,
                tokenizer=self._tokenizer,
            )[0, asked:]
        return self._read(written.tolist(), wishes, asked, odds)

    def _inputs(self, conversation: Conversation, wishes: Wishes) -> Any:
        messages = [self._message(message) for message in conversation]
        inputs = self._reader.apply_chat_template(
            messages,
            tools=wishes.told_tools,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        device = self._model.device
        # Of a picture's inputs the pixels take the kind of number that the weights have.
        return inputs.to(device, dtype=self._model.dtype) if self.reads_pictures else inputs.to(device)

    def _message(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message as chat templates have it: pictures decoded, arguments of calls as what they are."""
        message = dict(message)
        if isinstance(message["content"], list):
            if not self.reads_pictures:
                raise ModelError(f"{self._name} reads no pictures; name a vision-language model")
            message["content"] = [_part(part) for part in message["content"]]
        elif self.reads_pictures:
            message["content"] = [{"type": "text", "text": message["content"]}]
        if "tool_calls" in message:
            message["tool_calls"] = [
                {**call, "function": {**called, "arguments": json.loads(called["arguments"])}}
                for call in message["tool_calls"]
                for called in [call["function"]]
            ]
        return message

    def _settings(self, wishes: Wishes, asked: int, seconds: float) -> GenerationConfig:
        context = getattr(self._sizes, "max_position_embeddings", None)
        room = context - asked if context else wishes.max_tokens
        if room < 1:
            raise QuestionError(
                f"{self._name} has no room for the question and its answer: {asked} tokens were asked and "
                f"{context} fit; ask less, or name a model with a longer context"
            )
        sampled = {"temperature": wishes.temperature, "top_k": 0, "top_p": 1.0} if wishes.temperature else {}
        return GenerationConfig(
            max_new_tokens=min(room, wishes.max_tokens),
            max_time=seconds,
            do_sample=wishes.temperature > 0,
            eos_token_id=self._ends,
            pad_token_id=self._ends[0],
            stop_strings=wishes.stop or None,
            **sampled,
        )

    def _mask(self, schema: dict[str, Any] | None) -> Any:
        """What keeps the answer to a schema; None where there is none, or nothing that can."""
        if schema is None or xgrammar is None:
            return None
        if self._compiler is None:
            words = xgrammar.TokenizerInfo.from_huggingface(
                self._tokenizer, vocab_size=self._sizes.vocab_size, stop_token_ids=self._ends
            )
            self._compiler = xgrammar.GrammarCompiler(words, cache_limit_bytes=_GRAMMAR_BYTES)
        # White space is not worth its tokens, and small models would write it without end.
        form = self._compiler.compile_json_schema(json.dumps(schema), any_whitespace=False)
        return xgrammar.contrib.hf.LogitsProcessor(form)

    def _read(self, tokens: list[int], wishes: Wishes, asked: int, odds: _Odds | None) -> Written:
        text = self._tokenizer.decode(tokens, skip_special_tokens=True)
        cut = min((text.index(stop) for stop in wishes.stop if stop in text), default=None)
        ended = bool(tokens) and tokens[-1] in self._ends
        return Written(
            text if cut is None else text[:cut],
            "stop" if ended or cut is not None else "length",
            asked,
            len(tokens),
            odds=odds.told(tokens) if odds else None,
        )


class _Odds:
    """Notes the log odds of each step: the whole vocabulary of the last step only, a few of those before."""

    def __init__(self, tokenizer: Any, top: int) -> None:
        self._tokenizer, self._top = tokenizer, top
        self._last: torch.Tensor | None = None
        self._told: list[dict[str, Any]] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self._last is not None:
            self._note(int(input_ids[0, -1]))
        self._last = torch.log_softmax(scores[0].float(), dim=-1)
        return scores

    def told(self, tokens: Sequence[int]) -> list[dict[str, Any]]:
        """The odds of each of these tokens, which are all that were written."""
        if self._last is not None and len(self._told) < len(tokens):
            self._note(tokens[-1])
        return self._told

    def _note(self, token: int) -> None:
        if self._last is None:
            return
        best = torch.topk(self._last, self._top)
        top = [(self._word(int(t)), float(odds)) for odds, t in zip(best.values, best.indices, strict=True)]
        self._told.append(odds_of(self._word(token), float(self._last[token]), top))

    def _word(self, token: int) -> str:
        return str(self._tokenizer.decode([token]))


def can_hold_to_schemas() -> bool:
    """Whether answers can be held to a schema here: xgrammar is installed."""
    return xgrammar is not None


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return part
    return {"type": "image", "image": open_picture(part["image_url"]["url"]).convert("RGB")}


def _as_list(ids: Any) -> list[int]:
    return [] if ids is None else [ids] if isinstance(ids, int) else list(ids)


def _loaded(name: str, folder: str, quant: str | None, with_pictures: bool) -> Any:
    kind = AutoModelForImageTextToText if with_pictures else AutoModelForCausalLM
    loaded, told = kind.from_pretrained(
        folder,
        **_TRUSTED,
        # Never pickles.
        use_safetensors=True,
        dtype="auto",
        device_map="auto" if torch.cuda.is_available() else "cpu",
        quantization_config=_quantization(quant),
        output_loading_info=True,
    )
    # transformers fills what a file lacks with random numbers, and only logs it.
    missing = sorted(told["missing_keys"]) + sorted(str(one[0]) for one in told["mismatched_keys"])
    if missing:
        raise ModelError(
            f"{name} lacks {len(missing)} of its weights, such as {in_one_line(missing[0], 80)}; "
            "its files are incomplete, or belong to another model"
        )
    loaded.generation_config = GenerationConfig(eos_token_id=loaded.generation_config.eos_token_id)
    return loaded.eval()


def _quantization(quant: str | None) -> BitsAndBytesConfig | None:
    if quant == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    if quant == "8bit":
        # It warns of the same cast in every layer of every token.
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
        return BitsAndBytesConfig(load_in_8bit=True)
    return None


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def _without_bars() -> Iterator[None]:
    """Progress bars of a library have no place between what the command line says."""
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers.utils.logging.enable_progress_bar()


@contextmanager
def _loading(name: str) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(_no_memory(name)) from error
    except _BROKEN as error:
        raise ModelError(
            f"{name} cannot be loaded by transformers {transformers.__version__} ({_words(error)}); it must "
            "be a chat model with safetensors weights, and none of its own code is run"
        ) from error


@contextmanager
def _answering(name: str) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(_no_memory(name)) from error
    except _BROKEN as error:
        raise ModelError(f"{name} could not answer: {_words(error)}") from error


def _no_memory(name: str) -> str:
    return f"{name} needs more memory than there is; load it with ?quant=8bit or 4bit, or a smaller model"


def _words(error: Exception) -> str:
    return in_one_line(f"{type(error).__name__}: {error}")

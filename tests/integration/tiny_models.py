"""Models that load in seconds: a config, a tokenizer, and random weights, the same at each writing.

Run by the Python of the server's environment: `python tiny_models.py FOLDER` writes FOLDER/text and
FOLDER/vision. What they answer is garbage, in the right form where they are held to one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

END, TURN, TURN_END, IMAGE = "<|end|>", "<|turn|>", "<|turn_end|>", "<image>"
VOCABULARY = 2048
CONTEXT = 16_384
"""Tokens; a prompt for a rule has some thousand."""
PATCH, SIDE = 14, 56
"""Pixels of a patch and of a picture, each square."""

CHAT = """\
{%- for message in messages %}
{{- '<|turn|>' + message['role'] + '\\n' }}
{%- if message['content'] is string %}
{{- message['content'] }}
{%- else %}
{%- for part in message['content'] or [] %}
{{- '<image>' if part['type'] == 'image' else part['text'] }}
{%- endfor %}
{%- endif %}
{{- '<|turn_end|>' + '\\n' }}
{%- endfor %}
{%- if tools %}{{- '<|turn|>tools\\n' + (tools | tojson) + '<|turn_end|>\\n' }}{%- endif %}
{%- if add_generation_prompt %}{{- '<|turn|>assistant\\n' }}{%- endif %}"""

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": CONTEXT,
}


def make_tokenizer(corpus: list[Path]) -> PreTrainedTokenizerFast:
    """A byte-level BPE, which can write any text, with a chat template for text, pictures and tools."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, TURN, TURN_END, IMAGE],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([str(file) for file in corpus], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=TURN_END,
        pad_token=END,
        chat_template=CHAT,
        model_max_length=CONTEXT,
        extra_special_tokens={"image_token": IMAGE},
    )


def text_config(tokenizer: PreTrainedTokenizerFast) -> Qwen2Config:
    return Qwen2Config(architectures=["Qwen2ForCausalLM"], **SIZES, **special_ids(tokenizer))


def vision_config(tokenizer: PreTrainedTokenizerFast) -> LlavaConfig:
    return LlavaConfig(
        architectures=["LlavaForConditionalGeneration"],
        vision_config=CLIPVisionConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=SIDE,
            patch_size=PATCH,
            projection_dim=64,
        ),
        text_config=LlamaConfig(architectures=["LlamaForCausalLM"], **SIZES, **special_ids(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=(SIDE // PATCH) ** 2,
        vision_feature_layer=-1,
        **special_ids(tokenizer),
    )


def special_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int | None]:
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return {**ids, "bos_token_id": None}


def write_models(folder: Path, corpus: list[Path]) -> None:
    """Write `text` and `vision` into a folder; the tokenizer learns its words from the corpus."""
    tokenizer = make_tokenizer(corpus)
    models = {
        "text": (Qwen2ForCausalLM, text_config(tokenizer)),
        "vision": (LlavaForConditionalGeneration, vision_config(tokenizer)),
    }
    for name, (kind, config) in models.items():
        torch.manual_seed(0)
        model = kind(config)
        # Published models of this kind have these names, and vLLM knows no others.
        weights = {
            key.replace("vision_tower.", "vision_tower.vision_model."): value
            for key, value in model.state_dict().items()
        }
        model.save_pretrained(folder / name, state_dict=weights)
        GenerationConfig(**special_ids(tokenizer)).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
        ),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        image_token=IMAGE,
        num_additional_image_tokens=1,
        chat_template=CHAT,
    ).save_pretrained(folder / "vision")


if __name__ == "__main__":
    repository = Path(__file__).resolve().parents[2]
    write_models(Path(sys.argv[1]), sorted(repository.glob("docs/*.md")) + sorted(repository.glob("*/*.py")))

"""The files of CLIP weights that OpenAI published. Nothing here needs torch."""

from __future__ import annotations

from typing import Final, NamedTuple


class ClipFile(NamedTuple):
    """One of OpenAI's files of CLIP weights."""

    name: str
    sha256: str
    size: str

    @property
    def url(self) -> str:
        """Where OpenAI keeps it."""
        return f"https://openaipublic.azureedge.net/clip/models/{self.sha256}/{self.name}"


CLIP_FILES: Final = {
    "ViT-L-14-336": ClipFile(
        "ViT-L-14-336px.pt", "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02", "890 MB"
    ),
    "ViT-L-14": ClipFile(
        "ViT-L-14.pt", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", "890 MB"
    ),
    "ViT-B-16": ClipFile(
        "ViT-B-16.pt", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f", "335 MB"
    ),
    "ViT-B-32": ClipFile(
        "ViT-B-32.pt", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", "338 MB"
    ),
}
"""By the name that open_clip has for the model."""

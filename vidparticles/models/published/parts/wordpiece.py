"""Texts as numbers of words and parts of words, as BERT reads them (WordPiece).

Letters are made small and lose their accents, each Chinese character and each mark is a word, and
a word that the vocabulary does not have is cut into the longest parts that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vidparticles.errors import InputError, require

_UNKNOWN, _FIRST, _LAST = "[UNK]", "[CLS]", "[SEP]"
_SPECIAL = ("[PAD]", _UNKNOWN, _FIRST, _LAST, "[MASK]")


class TokensFn(Protocol):
    """Reads texts."""

    def __call__(self, texts: Sequence[str], /) -> list[list[int]]:
        """The numbers of each text, with those of its begin and its end."""


def tokens(vocabulary: Sequence[str], limit: int) -> TokensFn:
    """A function that reads texts.

    Args:
        vocabulary: words by their number; parts that go on a word begin with ##.
        limit: numbers of a text, at most; the rest of it is not read.

    Raises:
        InputError: the package `tokenizers` is not there, or the vocabulary is none.

    Example:
        >>> read = tokens(["[UNK]", "[CLS]", "[SEP]", "two", "fight", "##ers"], limit=8)
        >>> read(["Two fighters!"])
        [[1, 3, 4, 5, 0, 2]]
    """
    library = require("tokenizers", extra="text")
    numbers = {word: number for number, word in enumerate(vocabulary)}
    for word in (_UNKNOWN, _FIRST, _LAST):
        if word not in numbers:
            raise InputError(f"the vocabulary has no {word}; give that of the published file.")
    reader = library.Tokenizer(library.models.WordPiece(numbers, unk_token=_UNKNOWN))
    # A word of this kind in a text is the word itself, not its letters.
    reader.add_special_tokens([word for word in numbers if word in _SPECIAL])
    reader.normalizer = library.normalizers.BertNormalizer(lowercase=True)
    reader.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    reader.post_processor = library.processors.BertProcessing(
        (_LAST, numbers[_LAST]), (_FIRST, numbers[_FIRST])
    )
    reader.enable_truncation(limit)

    def run(texts: Sequence[str], /) -> list[list[int]]:
        return [found.ids for found in reader.encode_batch(list(texts))]

    return run

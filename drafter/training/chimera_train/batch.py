"""Sequences packed one after the other, so that no linear layer computes padding."""

import dataclasses

import torch
from torch.nn.utils.rnn import pad_sequence


@dataclasses.dataclass
class Batch:
    """B sequences of n tokens together."""

    token_ids: torch.Tensor  # int64 [n]
    hidden_states: torch.Tensor  # bf16 [n, n_tapped, D]; the row of a sequence's last token is zero
    sequence_ids: torch.Tensor  # int64 [n], ascending from 0
    positions: torch.Tensor  # int64 [n], place of a token in its sequence
    last_index: torch.Tensor  # int64 [n], index of the last token of the same sequence
    lengths: list[int]  # [B]
    anchors: torch.Tensor  # int64 [m], ascending: see below
    origins: list[str]  # [B], for messages: file and number of each sequence

    # An anchor is the index of a token whose hidden states are the newest known, while the token after it is known
    # too. From there drafting starts, and the first drafted token is the one at anchor + 2.

    def to(self, device: torch.device) -> "Batch":
        moved = {
            field.name: getattr(self, field.name).to(device)
            for field in dataclasses.fields(self)
            if isinstance(getattr(self, field.name), torch.Tensor)
        }
        return dataclasses.replace(self, **moved)

    def row_counts(self, indices: torch.Tensor) -> list[int]:
        """[B]: how many of the ascending token indices lie in each sequence."""
        return self.sequence_ids[indices].bincount(minlength=len(self.lengths)).tolist()


@dataclasses.dataclass
class Sequence:
    """One prompt with its answer."""

    token_ids: torch.Tensor  # int64 [n]
    hidden_states: torch.Tensor  # bf16 [n, n_tapped, D]
    response_start: int  # index of the first token of the answer
    prompt_index: int
    origin: str


def pack(sequences: list[Sequence]) -> Batch:
    """Packs sequences; anchors are all from which a token of the answer can be drafted, its first excepted."""
    lengths = [len(sequence.token_ids) for sequence in sequences]
    sizes = torch.tensor(lengths)
    ends = sizes.cumsum(0)
    sequence_ids = torch.arange(len(sequences)).repeat_interleave(sizes)
    anchors, start = [], 0
    for sequence, length in zip(sequences, lengths, strict=True):
        anchors.append(torch.arange(start + max(sequence.response_start - 1, 0), start + max(length - 2, 0)))
        start += length
    return Batch(
        token_ids=torch.cat([sequence.token_ids for sequence in sequences]),
        hidden_states=torch.cat([sequence.hidden_states for sequence in sequences]),
        sequence_ids=sequence_ids,
        positions=torch.arange(int(ends[-1])) - (ends - sizes)[sequence_ids],
        last_index=(ends - 1)[sequence_ids],
        lengths=lengths,
        anchors=torch.cat(anchors),
        origins=[sequence.origin for sequence in sequences],
    )


def pad(rows: torch.Tensor, counts: list[int]) -> torch.Tensor:
    """From packed [sum(counts), ...] to [B, max(counts), ...], zeros behind the rows of each sequence."""
    return pad_sequence(rows.split(counts), batch_first=True)


def unpad(padded: torch.Tensor, counts: list[int]) -> torch.Tensor:
    """The inverse of pad()."""
    return torch.cat([rows[:count] for rows, count in zip(padded, counts, strict=True)])

"""Whether generated data come from the target that is given."""

from chimera_train.checkpoint import check_target
from chimera_train.dataset import Dataset
from chimera_train.errors import ChimeraTrainError
from chimera_train.layers import rms_norm
from chimera_train.target import Target

_MAX_ANSWERS = 4
_LEAST_AGREEMENT = 0.9  # bf16 states and other arithmetic flip a close choice now and then


def check_data(dataset: Dataset, target: Target) -> None:
    """Raises if shapes differ, or if greedy answers are not what the target's head makes of the hidden states."""
    check_target(dataset.source, target)
    if dataset.source.tapped_layers[-1:] != (target.layer_count,):
        return
    greedy = [index for index, temperature in enumerate(dataset.temperatures()) if temperature == 0]
    n_equal = n_all = 0
    for index in greedy[:_MAX_ANSWERS]:
        sequence = dataset.sequence(index)
        first = max(sequence.response_start, 1)
        states = sequence.hidden_states[first - 1 : -1, -1]
        normed = rms_norm(states, target.output_norm, target.rms_norm_epsilon)
        best = (normed.bfloat16() @ target.output.bfloat16().T).argmax(dim=-1)
        n_equal += int((best == sequence.token_ids[first:]).sum())
        n_all += len(best)
    if n_equal < _LEAST_AGREEMENT * n_all:
        raise ChimeraTrainError(
            f"{dataset.shards[0].path.parent}: only {n_equal} of {n_all} greedy tokens are what the head of "
            f"{target.name} makes of the hidden states: the data come from another target"
        )


def check_same_target(first: str, first_identity: str, second: str, second_identity: str) -> None:
    """Raises unless two things, named for the message, come from targets of one identity."""
    if first_identity != second_identity:
        raise ChimeraTrainError(
            f"{first} is of target {first_identity[:16]}, but {second} is of {second_identity[:16]}"
        )

"""What the outside world can do wrong."""


class ChimeraTrainError(Exception):
    """A file, an option or a run that cannot be used. The message names it, and the limit it breaks."""

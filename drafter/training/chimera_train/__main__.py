"""`python -m chimera_train` is `chimera-train`."""

from chimera_train.cli import main

if __name__ == "__main__":
    main()

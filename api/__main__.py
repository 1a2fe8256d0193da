"""`python -m api` is `patrol`."""

from api.commands import main

if __name__ == "__main__":
    main()

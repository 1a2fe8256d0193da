"""The JSON API's handlers: thin, each over one function of the packages."""

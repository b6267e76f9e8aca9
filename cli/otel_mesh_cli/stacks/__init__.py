"""A stack of the checkout: its file, the engine, previews and rendered objects."""

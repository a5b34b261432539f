"""What is shown to a person."""


def shown(text: str) -> str:
    """Return the text with what a terminal would obey, or what turns writing around, escaped; newlines and tabs stay."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in text)

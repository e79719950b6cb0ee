"""placeholder"""


def tracing():
    return None

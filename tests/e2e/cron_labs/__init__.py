"""Real crons of every flavour, each in a namespace of its own where the machine can be seen and not changed."""

# What is equal was put together before: each atom is passed on.

{ answer($0) }

"""English words too common to say what a text is about."""

from __future__ import annotations

STOP_WORDS = frozenset(
    """
    a about above after again all almost also although always am among an and another any are as at
    away be because been before being between both but by came can cannot come could did do does
    done down each either else even ever every few for from get give go got had has have having he
    her here hers herself him himself his how however i if in into is it its itself just least less
    let like made make many may me might more most much must my myself never no nor not nothing now
    of off often on once one only or other others our ours out over own per quite rather really
    same say see seem shall she should since so some still such than that the their them themselves
    then there therefore these they this those though through thus to too under until up upon us
    use used using very was we well went were what when where whether which while who whole whom
    whose why will with within without would yet you your yours yourself
    don't didn't doesn't isn't it's that's i'm can't won't wasn't couldn't wouldn't i've you're
    """.split()  # noqa: SIM905 - a hundred words read better without a hundred quotes
)

"""Tomita's seven regular languages over 0 and 1 (Tomita 1982)."""

from fwp.languages.regex import Pattern


class Tomita(Pattern):
    """A language given by its pattern; the target is what may follow. Bhattamishra et al. 2020."""

    pattern: str

    def __init__(self):
        super().__init__(self.pattern, alphabet="01")


class Tomita1(Tomita):
    """1*: there is nothing to learn, since every target is the same."""

    name = "tomita_1"
    title = "Tomita 1"
    pattern = "1*"
    distribution = "one string per length"


class Tomita2(Tomita):
    """(10)*."""

    name = "tomita_2"
    title = "Tomita 2"
    pattern = "(10)*"
    distribution = "one string per length"


class Tomita3(Tomita):
    """An odd run of 1s is followed by an even run of 0s, or ends the string."""

    name = "tomita_3"
    title = "Tomita 3"
    pattern = "(0|1((00)+1)*1)*(1((00)+1)*(00)*)?"


class Tomita4(Tomita):
    """No three 0s in a row."""

    name = "tomita_4"
    title = "Tomita 4"
    pattern = "(0{0,2}1)*0{0,2}"


class Tomita5(Tomita):
    """An even number of 0s and an even number of 1s."""

    name = "tomita_5"
    title = "Tomita 5"
    pattern = "(00|11|(01|10)(00|11)*(01|10))*"


class Tomita6(Tomita):
    """The numbers of 0s and of 1s are equal modulo three."""

    name = "tomita_6"
    title = "Tomita 6"
    pattern = "(01|(00|1)(10)*(0|11))*"


class Tomita7(Tomita):
    """0*1*0*1*."""

    name = "tomita_7"
    title = "Tomita 7"
    pattern = "0*1*0*1*"

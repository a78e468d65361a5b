"""Formulas of docstrings as MathML, which every browser draws without help."""
# ruff: noqa: RUF001 - the signs of mathematics are meant

from __future__ import annotations

import re
from html import escape

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ϵ",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "iota": "ι",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "ϕ",
    "varphi": "φ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Xi": "Ξ",
    "Pi": "Π",
    "Sigma": "Σ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
    "ell": "ℓ",
}
SIGNS = {
    "|": "‖",
    "{": "{",
    "}": "}",
    "Vert": "‖",
    "lVert": "‖",
    "rVert": "‖",
    "lvert": "|",
    "rvert": "|",
    "partial": "∂",
    "nabla": "∇",
    "in": "∈",
    "notin": "∉",
    "top": "⊤",
    "prime": "′",
    "cdot": "·",
    "times": "×",
    "otimes": "⊗",
    "odot": "⊙",
    "ne": "≠",
    "neq": "≠",
    "ge": "≥",
    "geq": "≥",
    "le": "≤",
    "leq": "≤",
    "approx": "≈",
    "sim": "∼",
    "propto": "∝",
    "pm": "±",
    "mid": "∣",
    "langle": "⟨",
    "rangle": "⟩",
    "lfloor": "⌊",
    "rfloor": "⌋",
    "lceil": "⌈",
    "rceil": "⌉",
    "dots": "…",
    "ldots": "…",
    "cdots": "⋯",
    "infty": "∞",
    "setminus": "∖",
    "cup": "∪",
    "cap": "∩",
    "angle": "∠",
    "to": "→",
    "sum": "∑",
    "prod": "∏",
    "int": "∫",
    "circ": "∘",
    "star": "⋆",
}
WORDS = {
    "log",
    "ln",
    "exp",
    "max",
    "min",
    "cos",
    "sin",
    "tan",
    "cosh",
    "sinh",
    "tanh",
    "arctan",
    "arcsin",
    "arccos",
    "arg",
    "det",
    "sup",
    "inf",
    "lim",
}
ACCENTS = {"hat": "^", "bar": "¯", "overline": "¯", "tilde": "~", "vec": "→", "dot": "˙"}
SPACES = {",": "0.17em", ";": "0.28em", ":": "0.22em", " ": "0.3em", "quad": "1em", "!": "0"}
SIZES = {"left", "right", "big", "bigl", "bigr", "Big", "Bigl", "Bigr", "bigg", "displaystyle"}
STYLES = {"mathrm", "text", "operatorname", "mathcal", "mathbb", "mathbf", "textrm"}
UNDER_AND_OVER = "∑∏"
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}^_]|\d+(?:\.\d+)?|\s+|.", re.DOTALL)


def mathml(tex: str) -> str:
    r"""Return a formula as MathML; a command that is not known stands there by its name.

    >>> mathml(r"\tfrac12 d^2")
    '<math><mrow><mfrac><mn>1</mn><mn>2</mn></mfrac><msup><mi>d</mi><mn>2</mn></msup></mrow></math>'
    """
    tokens = [t for t in TOKEN.findall(tex) if not t.isspace()]
    return f"<math>{_Reader(tokens, tex).row()}</math>"


class _Reader:
    """Reads tokens from the first to the last."""

    def __init__(self, tokens: list[str], tex: str) -> None:
        self.tokens, self.at, self.tex = tokens, 0, tex

    def row(self, end: str = "") -> str:
        """Read up to ``end``, and return what is in between."""
        found: list[str] = []
        while self.at < len(self.tokens) and self.tokens[self.at] != end:
            if self.tokens[self.at] == "}":  # one too many: leave it out
                self.at += 1
                continue
            found.append(self.scripted())
        self.at += 1
        return found[0] if len(found) == 1 else f"<mrow>{''.join(found)}</mrow>"

    def scripted(self) -> str:
        """Read one thing with what stands below and above it."""
        base = "<mrow></mrow>" if self.tokens[self.at] in "^_" else self.atom()
        below = above = ""
        while self.at < len(self.tokens) and self.tokens[self.at] in ("_", "^", "'"):
            sign = self.tokens[self.at]
            self.at += 1
            if sign == "_":
                below = self.argument()
            else:
                above += "<mo>′</mo>" if sign == "'" else self.argument()
        tags = "munder", "mover", "munderover"
        if not any(f">{sign}<" in base for sign in UNDER_AND_OVER):
            tags = "msub", "msup", "msubsup"
        if above.count("<mo>′</mo>") and above != "<mo>′</mo>":
            above = f"<mrow>{above}</mrow>"
        if below and above:
            return f"<{tags[2]}>{base}{below}{above}</{tags[2]}>"
        if below:
            return f"<{tags[0]}>{base}{below}</{tags[0]}>"
        if above:
            return f"<{tags[1]}>{base}{above}</{tags[1]}>"
        return base

    def argument(self) -> str:
        """Read what a command or a script applies to."""
        if self.at >= len(self.tokens):
            return "<mrow></mrow>"
        token = self.tokens[self.at]
        if len(token) > 1 and token.isdigit():  # \frac12 is one half
            self.tokens[self.at : self.at + 1] = list(token)
        return self.atom()

    def atom(self) -> str:
        token = self.tokens[self.at]
        self.at += 1
        if token == "{":  # noqa: S105 - no password
            return self.row("}")
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{escape(token)}</mi>"
        return _sign({"-": "−", "*": "∗"}.get(token, token))

    def command(self, name: str) -> str:
        if name in GREEK:
            return f"<mi>{GREEK[name]}</mi>"
        if name in SIGNS:
            return _sign(SIGNS[name])
        if name in WORDS:
            return f"<mi>{name}</mi>" + ('<mspace width="0.17em"/>' if self._applies() else "")
        if name in SPACES:
            return f'<mspace width="{SPACES[name]}"/>'
        if name in SIZES:
            return "<mrow></mrow>"
        if name in ("frac", "tfrac", "dfrac"):
            return f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
        if name == "binom":
            pair = f'<mfrac linethickness="0">{self.argument()}{self.argument()}</mfrac>'
            return f"<mrow><mo>(</mo>{pair}<mo>)</mo></mrow>"
        if name == "sqrt":
            return f"<msqrt>{self.argument()}</msqrt>"
        if name in ACCENTS:
            return f'<mover accent="true">{self.argument()}<mo>{ACCENTS[name]}</mo></mover>'
        if name in STYLES:
            return self._upright()
        return f"<mi>{escape(name)}</mi>"

    def _applies(self) -> bool:
        """Whether something follows without a bracket, as in log p, which wants a little room."""
        following = self.tokens[self.at] if self.at < len(self.tokens) else ""
        return following not in ("", *"_^([|)],", "\\bigl", "\\left", "\\big")

    def _upright(self) -> str:
        """Read a word in braces."""
        if self.at < len(self.tokens) and self.tokens[self.at] == "{":
            end = self.tokens.index("}", self.at) if "}" in self.tokens[self.at :] else self.at
            word = "".join(t.lstrip("\\") for t in self.tokens[self.at + 1 : end])
            self.at = end + 1
            return f'<mi mathvariant="normal">{escape(word)}</mi>'
        return self.argument()


def _sign(sign: str) -> str:
    """Return a sign that neither grows nor, where it may open or close, keeps its distance."""
    close = ' lspace="0" rspace="0"' if sign in "|‖/!" else ""
    still = ' stretchy="false"' if close or sign in "()[]{}⟨⟩⌊⌋⌈⌉" else ""
    return f"<mo{still}{close}>{escape(sign)}</mo>"

"""The forms of requests that a session reads without a model, in the order in which they are tried.

A pattern is a regular expression over a request in one line; `<PART>`, `<PICTURE>` and their like stand for
pieces that `requests` knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERDICTS, PARTS, COMPARING, EYES, RULES, HELP = (
    "Verdicts",
    "Parts",
    "Comparing",
    "Other eyes",
    "Rules",
    "Help",
)
GROUPS: Final = (VERDICTS, PARTS, COMPARING, EYES, RULES, HELP)
MORE: Final = "Without a number, the last picture is meant. A rule is never changed before you say yes."


@dataclass(frozen=True)
class Form:
    """One form of a request."""

    tool: str
    """That it calls; empty where it calls none."""
    group: str
    examples: tuple[str, ...]
    """With {part}, {parts} and {other} for labels of the product; the first stands in `help`."""
    patterns: tuple[str, ...]
    meaning: str = ""
    """In words, for `help`; forms without one say the same as the form before."""
    says: str = ""
    """The answer itself, where nothing is called."""
    helps: bool = False
    """Whether what can be asked is the answer."""
    free: bool = False
    """Whether it holds a sentence for a rule, which stays as it is written."""

    @property
    def names_parts(self) -> bool:
        """Whether a label stands in it."""
        return any("<PART" in pattern for pattern in self.patterns)


_DEFECT: Final = (
    r"(?:scratch|scratches|scratched|dents?|cracks?|cracked|stains?|defects?|holes?|damage|damaged|bent)"
)

FORMS: Final[tuple[Form, ...]] = (
    Form(
        "",
        HELP,
        ("help", "help rules"),
        (
            r"/?help(?: (?:on |with |about )?(?P<group>verdicts?|parts?|comparing|other eyes|rules?))?",
            r"what can (?:you do|i ask|i say|be asked)",
        ),
        "what can be asked",
        helps=True,
    ),
    Form(
        "",
        HELP,
        (),
        (r"yes|no|y|n",),
        says="There is nothing to decide right now.",
    ),
    Form(
        "",
        HELP,
        (),
        (r"(?:thanks|thank you|hello|hi|good morning|bye).{0,20}",),
        says="Say `help` for what can be asked.",
    ),
    Form(
        "save_rule",
        RULES,
        ("add rule: There are exactly 15 {parts}.",),
        (
            r"(?:please )?(?:add|save|new|create|make|keep)(?: a| the| this)?(?: new)? rule ?:?"
            r" ?(?:that )?(?P<sentence>.+)",
        ),
        "a new rule; you are asked first",
        free=True,
    ),
    Form(
        "save_rule",
        RULES,
        ("from now on each {part} must be yellow",),
        (
            r"from now on,? (?P<sentence>.+)",
            r"(?P<sentence>(?:the|each|every|all|there|both|no) .* (?:must|has to|have to|should) .+[^?])",
        ),
        free=True,
    ),
    Form(
        "propose_rule",
        RULES,
        ("try rule: Each {part} is yellow.",),
        (
            r"(?:please )?(?:try|test|propose)(?: a| the| this)?(?: new)? rule ?:? ?(?P<sentence>.+)",
            r"(?:can|could) this be a rule ?[:?]? ?(?P<sentence>.+)",
        ),
        "whether a sentence could be a rule; nothing is kept",
        free=True,
    ),
    Form(
        "change_rule",
        RULES,
        ("change rule 2 to: Each {part} is yellow.",),
        (
            r"(?:please )?(?:change|replace|edit|rewrite) (?:the )?rule (?:number |#)?(?P<number>\d{1,4}) "
            r"?(?:to|by|with|into)? ?:? ?(?P<sentence>.+)",
        ),
        "another sentence for a rule; you are asked first",
        free=True,
    ),
    Form(
        "retire_rule",
        RULES,
        ("retire rule 2", "delete rule 2"),
        (r"(?:retire|remove|delete|drop|cancel|forget) (?:the )?rule (?:number |#)?(?P<number>\d{1,4})",),
        "a rule less; you are asked first",
    ),
    Form(
        "list_rules",
        RULES,
        ("list rules", "what are the rules?"),
        (
            r"(?:(?:list|show|print)(?: me)? )?(?:all )?(?:of )?(?:the |your )?(?:rules|rulebook)",
            r"(?:what|which)(?: are)?(?: the)? rules(?: are there| do you (?:have|know))?",
            r"how many rules are there",
        ),
        "the rules of the product",
    ),
    Form(
        "show_rule",
        RULES,
        ("show rule 2", "what does rule 2 say?"),
        (
            r"(?:(?:show|explain|print)(?: me)?|what is|how is|how does) (?:the )?(?:check of |proof"
            r" of |code of )?rule "
            r"(?:number |#)?(?P<number>\d{1,4})(?: work| proven)?",
            r"what does rule (?P<number>\d{1,4}) (?:say|mean|do|check)",
        ),
        "a rule, its check and its proof",
    ),
    Form(
        "search_verdicts",
        VERDICTS,
        (
            "which pictures are bad?",
            "how many pictures are good?",
            "list bad pictures",
            'find pictures with "red"',
        ),
        (
            r"(?:which|how many|what|list(?: all)?|show(?: all)?) (?:of the"
            r" )?(?:pictures|photos|images|ones) "
            r"(?:are|were|is|was) <STATE>",
            r"(?:list|show|find|which)(?: me)?(?: all)?(?: the)?(?: <STATE>)?"
            r" (?:pictures|photos|images|verdicts)"
            r"(?: (?:with|about|that mention) (?P<words>.+))?",
            r"(?:(?:what were|list|show) )?(?:the )?(?:earlier|last|previous) verdicts",
        ),
        "the verdicts of this session",
    ),
    Form(
        "compare_verdicts",
        COMPARING,
        ("did the verdict change?", "compare the verdicts of picture 1 and picture 2"),
        (
            r"(?:did|has) the verdict(?: (?:on|of) <PICTURE>)? changed?",
            r"compare the verdicts?(?: (?:on|of) <PICTURE>)?(?: (?:with|to|and)(?: that (?:on|of))?"
            r"(?: <OTHER>| the earlier (?:one|verdict)))?",
        ),
        "what differs between two verdicts, or from the earlier one on the same picture",
    ),
    Form(
        "explain_verdict",
        VERDICTS,
        ("why is this one bad?", "what is wrong with picture 2?", "explain the verdict", "why?"),
        (
            r"why(?: (?:is|was) <PICTURE>(?: (?:so )?<SOME_STATE>)?| not| so)?",
            r"why did <PICTURE> (?:fail|pass)",
            r"what is (?:wrong|not ok|bad|the problem|the matter)(?: with <PICTURE>| here)?",
            r"(?:explain|justify)(?: (?:the |your )?(?:verdict|reasons?)(?: (?:of|on|for)"
            r" <PICTURE>)?| <PICTURE>)?",
            r"(?:what are|give)(?: me)? the reasons(?: for <PICTURE>)?",
        ),
        "why a picture has its verdict, in numbers",
    ),
    Form(
        "inspect_picture",
        VERDICTS,
        ("inspect picture 2", "is it ok?", "what is the verdict on picture 2?"),
        (
            r"(?:inspect|check|judge|examine|test|look at)(?: <PICTURE>)?(?: again)?",
            r"(?:is|was) <PICTURE> (?:a )?<SOME_STATE>(?: or (?:not|bad|good|faulty|anomalous))?",
            r"(?:what is )?(?:the |your )?verdict(?: (?:on|of|for) <PICTURE>)?",
            r"(?:is (?:there )?|)(?:anything|something) wrong(?: with <PICTURE>| here)?",
            r"(?:did|does|has) <PICTURE> pass(?:ed)?",
        ),
        "the verdict on a picture, with its reasons",
    ),
    Form(
        "show_overlay",
        VERDICTS,
        ("show picture 2", "mark what is wrong"),
        (
            r"(?:show|draw|mark)(?: me)?(?: (?:the )?(?:overlay|marks|findings)(?: (?:of|on|for)"
            r" <PICTURE>)?| <PICTURE>)",
            r"(?:show|mark)(?: me)? (?:what|where) (?:is|it is) wrong(?: (?:with|in|on) <PICTURE>)?",
        ),
        "a picture with what is wrong marked",
    ),
    Form(
        "compare_pictures",
        COMPARING,
        (
            "compare picture 1 with picture 2",
            "compare with the reference",
            "what changed since picture 1?",
            "what is different from picture 1?",
        ),
        (
            r"compare(?: <PICTURE>)?(?: (?:with|to|and|against) (?:(?:the |a )?(?:reference|good"
            r" one|good picture)"
            r"(?: picture)?|<OTHER>))?",
            r"what (?:has )?changed(?: (?:since|from|after) <OTHER>)?",
            r"what is (?:different|new)(?: (?:in|on|about) <PICTURE>)?(?: (?:from|to|than|since) "
            r"(?:(?:the |a )?reference(?: picture)?|<OTHER>))?",
            r"(?:what is |show )?(?:the )?differences? (?:between|of) <PICTURE> (?:and|to|from) "
            r"(?:(?:the |a )?reference(?: picture)?|<OTHER>)",
        ),
        "what differs from another picture, or from a reference",
    ),
    Form(
        "list_parts",
        PARTS,
        ("list parts", "what do you see in picture 2?"),
        (
            r"(?:list|show|name|what are|which)(?: me)?(?: all)?(?: the)? parts(?: (?:are|do you"
            r" see)(?: there)?)?<IN_PICTURE>",
            r"what (?:do you see|can you see|is there|is shown|is seen)<IN_PICTURE>",
        ),
        "all parts of a picture",
    ),
    Form(
        "look_with_detector",
        EYES,
        ("look for defects", "look with grnr at picture 2"),
        (
            r"(?:look|search|check)(?: <PICTURE>)? for (?:any"
            r" )?(?:defects|anomalies|scratches|damage|flaws)<IN_PICTURE>",
            r"(?:look|search)(?: (?:at )?<PICTURE>)? (?:with|through|using) (?:the"
            r" )?(?P<detector>[\w:=.,/-]{1,80})",
            r"(?:look|search) (?:with|through|using) (?:the )?(?P<detector>[\w:=.,/-]{1,80})<IN_PICTURE>",
            r"(?:show(?: me)? )?(?:the |a )?heat ?map<IN_PICTURE>",
        ),
        "what a detector sees, which knows no rules",
    ),
    Form(
        "ask_model",
        EYES,
        ("ask the model about picture 2", "ask the model: is there a scratch?"),
        (
            r"ask (?:the |a )?(?:model|vlm)<IN_PICTURE>(?: ?[:,] ?(?P<question>.{1,280})|"
            r" (?:whether|if) (?P<question>.{1,280}))?",
        ),
        "the opinion of a model that sees pictures, where the session has one",
    ),
    Form(
        "zoom_in",
        PARTS,
        ("zoom in on the left {part}", "zoom in on the top left quarter of picture 2"),
        (
            r"(?:zoom(?: in)?(?: on| to| into|to| at)?|enlarge|magnify|show(?: me)? a close-?up of)"
            r" <REGION><IN_PICTURE>",
            r"(?:zoom(?: in)?(?: on| to| into|to| at)?|enlarge|magnify|show(?: me)? a close-?up"
            r" of|look closer at) "
            r"<PART><IN_PICTURE>",
            r"(?:where is|find|locate|show(?: me)?) <CHOSEN_PART><IN_PICTURE>",
        ),
        "a part or a region, larger",
    ),
    Form(
        "measure_part",
        PARTS,
        (
            "how long is the {other}?",
            "what is the width of the {other} in picture 2?",
            "what colour is the left {part}?",
            "measure the {other}",
        ),
        (
            r"how <MEASURE> (?:is|are) <PART><IN_PICTURE>",
            r"(?:what|which) <MEASURE> (?:is|has|does) <PART>(?: have)?<IN_PICTURE>",
            r"(?:what is |measure |give me )?(?:the )?<MEASURE> of <PART><IN_PICTURE>",
            r"(?:measure|what are the measures of|how large is) <PART><IN_PICTURE>",
        ),
        "what a part measures: how long, wide, high, thick, large, its colour and angle, or all of it",
    ),
    Form(
        "count_parts",
        PARTS,
        (
            "how many {parts} are there?",
            "count the {parts} in the left half of picture 2",
            "is there a {other} on the right?",
        ),
        (
            r"how many <PARTS>(?: (?:are|is)(?: (?:there|shown|seen|visible))?| (?:do|can) you"
            r" see)?<WITHIN><IN_PICTURE>",
            r"how many <PARTS> (?:does|has) <PICTURE>(?: (?:have|show|hold|contain))?",
            r"(?:count|what is the number of|number of) <PARTS><WITHIN><IN_PICTURE>",
            r"(?:is|are) there (?:any )?<PARTS><WITHIN><IN_PICTURE>",
            r"(?:is|are) <PARTS> missing<IN_PICTURE>",
        ),
        "how many parts there are, also in a region such as the left half",
    ),
    Form(
        "locate_parts",
        PARTS,
        ("where is the {other}?", "find the {parts} in the left half"),
        (
            r"where (?:is|are) <PARTS><WITHIN><IN_PICTURE>",
            r"(?:find|locate|show(?: me)?) <PARTS><WITHIN><IN_PICTURE>",
        ),
        "where parts are",
    ),
    Form(
        "",
        HELP,
        (),
        (rf"(?:(?:is|are|was|how|what|where|do|does|can|has) .{{0,120}})?\b{_DEFECT}\b.{{0,120}}",),
        says="Without a model I know the parts that the product was taught, not scratches or how deep they "
        "are. `look for defects` shows where a picture differs from good ones, `compare with picture 1` what "
        "changed.",
    ),
)
"""In the order in which they are tried."""

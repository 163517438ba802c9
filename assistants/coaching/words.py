"""The words by which the detector knows a commitment, what takes it back, and what it is about."""

from __future__ import annotations

import re

SHORT = 8
"""Words of an answer to a question."""
STRONG = 3


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("(?i)" + "|".join(f"(?:{pattern})" for pattern in patterns))


# ---- Commitment ----

ME = r"\b(?:i|we)"
# Between a subject and what it says there may be such.
SURELY = (
    r"(?: (?:have|now|just|finally|definitely|officially|both|all|already|also|hereby|really|so|then|totally|"
    r"absolutely|certainly))*"
)

FIRM = _any(
    rf"{ME}(?:'ve|'m|'re)?{SURELY} (?:decided|settled|chosen|picked|committed|agreed|finali[sz]ed|"
    rf"concluded|locked|opted|landed|set on|made up m|made (?:the|a|my|our) (?:decision|choice|call))\b",
    rf"{ME}{SURELY} (?:chose|pick|choose|opt)\b",
    rf"{ME}(?:'m|'re| am| are){SURELY} (?:going|gonna go|sticking|sold|moving|running|moving ahead|"
    rf"going ahead) (?:with|for|on)\b",
    rf"{ME}(?:'ll| will|'m going to|'re going to|'m gonna|'re gonna){SURELY} (?:go|stick|stay|run|roll|"
    rf"proceed) (?:with|for|ahead)\b",
    r"\blet's (?:just |definitely |all )?(?:go|stick|stay|run|roll|proceed) (?:with|for|ahead)\b",
    r"\blet's lock\b|\block(?:ed|ing)? (?:it |that |this )?in\b",
    r"^\W*(?:ok(?:ay)?,? |so,? |right,? |alright,? |great,? |final )*(?:decided|decision|settled|"
    r"going with|sticking with|locked in|final answer|my decision|our decision)\b",
    r"\b(?:the|my|our) (?:final )?(?:decision|choice|call|pick) is\b",
    r"\bit is\W*$|\bit's (?:decided|settled|final)\b|\bthat's (?:final|settled|decided|my final|the final)\b",
    r"\bfinal (?:decision|answer|call|price|choice)\b",
)
INTENT = _any(
    rf"{ME}(?:'ll| will| shall){SURELY} (?:be )?[a-z]+",
    rf"{ME}(?:'m|'re| am| are){SURELY} (?:going to|gonna) [a-z]+",
    rf"{ME}(?:'m|'re| am| are){SURELY} (?:charging|pricing|launching|opening|starting|hosting|using|"
    rf"building|moving|switching|offering|dropping|doing|making|running|keeping|setting|releasing|"
    rf"publishing|limiting|capping|splitting|cutting|focusing|choosing|picking|putting|writing|skipping|"
    rf"covering|teaching|structuring|organi[sz]ing|pushing|selling|raising|lowering|including|leaving|"
    rf"staying)\b",
    r"\blet's [a-z]+",
    r"\b(?:the|my|our) (?:[a-z-]+ ){0,2}(?:price|fee|rate|launch|date|deadline|platform|plan|community|"
    r"course|newsletter|membership|content|structure|tiers?|program(?:me)?)(?: [a-z]+){0,2} (?:will be|"
    r"will|is going to|goes|is set)\b",
    rf"{ME}(?:'d| would) (?:like|love|prefer) to (?:go|use|charge|launch|start|host|keep|offer)\b",
    rf"{ME}{SURELY} want (?:to (?:go|use|charge|launch|start|host|keep|offer|do)|it|the)\b",
    r"\bmake it [$€£\d]",
)
LEANING = _any(
    rf"{ME}(?:'m|'re| am| are)? (?:leaning|inclined|thinking|considering|tempted|tending|drawn)\b",
    rf"{ME} (?:think|guess|feel|suppose|believe|prefer|like)\b",
    rf"{ME} (?:might|may|could|should)\b",
    r"\b(?:maybe|perhaps|probably|possibly)\b",
)
AGREEMENT = re.compile(
    r"(?i)\W*(?:(?:yes|yep|yeah|yup|ok|okay|sure|agreed|deal|done|perfect|great|absolutely|definitely|"
    r"exactly|sounds (?:good|great|right|perfect)|"
    r"works for me|that works|i agree|i like (?:it|that|this)|love it|i'm in|good (?:idea|call|plan)|"
    r"makes sense|right|fine|do (?:it|that)|(?:let's )?go (?:for|with) (?:it|that|this)|let's do (?:it|"
    r"that|this)|"
    r"(?:the )?(?:first|second|third|latter|former) (?:one|option)?|option [a-d1-4])\b)"
)
# It has no subject of its own, so what it answers to says what it is about.
REFERS = _any(
    r"\b(?:that|it|this|those|these|one|option|former|latter|suggestion|recommendation|idea|plan|yes|yep|"
    r"yeah|yup|agreed|deal|sounds|works|perfect|sure|ok|okay|exactly|absolutely|definitely)\b"
)
PROPOSES = _any(
    r"\b(?:recommend|suggest|propose|how about|what about|i'd|i would|you could|you should|shall we|let's|"
    r"consider|why not|would you|option|either|start (?:with|at)|best)\b"
)

# ---- What takes it back ----

QUESTION = _any(
    r"\?\W*$",
    r"^\W*(?:so |and |but |ok(?:ay)?,? |hmm,? |also,? )*(?:should|would|could|can|do|does|did|is|are|am|"
    r"will|shall|what|which|how|when|where|who|why|any (?:idea|thoughts|advice)) (?:i|we|you|it|the|that|"
    r"this|they|there|if|about|do|does|is|are|would|should|price|platform|much|many|long|on)\b",
    r"\b(?:i wonder|wondering|not sure (?:if|whether|what|which|how)|tell me|help me|can you|could you|"
    r"do you think|what if|what do you)\b",
)
REPORTED = _any(
    r"\b(?:he|she|they|everyone|everybody|people|somebody|someone|nobody|guru|experts?|friend|brother|"
    r"sister|wife|husband|partner|mentor|competitors?|coach|client|boss|colleague|cofounder|co-founder|"
    r"members?|followers?|subscribers?|audience|[A-Z][a-z]+)"
    r"(?: [a-z]+){0,2} (?:said|says|told|thinks|thought|wrote|wants|wanted|suggested|suggests|recommends|"
    r"recommended|advised|advises|claims|insists|keeps? saying|decided|chose|picked|is going with|"
    r"went with|are going with|charges?|uses?)\b",
)
NO_COMMITMENT = _any(
    # Negation.
    rf"{ME} (?:haven't|have not|hadn't|didn't|did not|don't|do not|can't|cannot|can not|couldn't|won't|"
    rf"will not|wouldn't|shouldn't|never|no longer)\b",
    rf"{ME}(?:'m|'re| am| are|'ve|'ll)? (?:still )?(?:not|never|no longer|hardly|nowhere)\b",
    r"\blet's (?:not|hold|wait|see|talk|discuss|think|look|say|imagine|pretend|compare|explore|consider|"
    r"review|assume|suppose|figure|revisit|brainstorm|check|dig|chat|move on|start with|begin with|"
    r"go (?:over|through|back)|work (?:on|out))\b",
    r"\b(?:undecided|unsure|not decided|no decision|yet to decide|nothing is|isn't decided|not (?:final|"
    r"settled|set))\b",
    r"\bdecided (?:against|not to)\b",
    # Only thought, or to be thought about.
    rf"{ME}(?:'ll| will|'m going to|'re going to|'m gonna|'d| would|'d like to| need to| have to| want to|"
    rf" should| must){SURELY} (?:have to |need to |try to |want to |be )?(?:think|consider|decide|check|"
    rf"look|see|research|explore|compare|ask|figure|let you|get back|talk|discuss|sleep|review|read|know|"
    rf"find out|wait|revisit|ponder|investigate|weigh|evaluate|understand|hear|learn|need|tell|send|update|"
    rf"share|report|try)\b",
    # Conditions and what is imagined.
    r"^\W*(?:if|unless|suppose|supposing|imagine|assuming|say|hypothetically|in theory|in an ideal|"
    r"ideally|one day|someday|eventually|in case|whether)\b",
    r"\b(?:hypothetically|in theory|someday|one day|what if|were to|as if)\b",
    rf"{ME} (?:would(?! (?:like|love|prefer) to)|could|might have|could have|would have|should have)\b|"
    rf"{ME}'d (?:have|be|go|use|charge|launch|pick|choose|probably|rather|never)\b",
    # The past.
    rf"{ME} (?:was|were|had|used to|almost|nearly|originally|initially|previously|once)\b|{ME}'d (?:been|"
    rf"planned|decided|chosen|settled|agreed|picked)\b",
    r"\b(?:last (?:year|month|week|time|spring|summer|autumn|fall|winter)|years? ago|months? ago|"
    r"weeks? ago|back then|back when|in (?:19|20[01])\d|in 202[0-4]|at first|originally|previously|"
    r"in the past|at the time|when i was)\b",
)
HEDGE = _any(
    r"\b(?:maybe|perhaps|probably|possibly|might|i think|i guess|not sure|leaning|or so|i suppose|"
    r"tentative(?:ly)?|for now i guess|kind of|sort of|i feel like|could be|or maybe|unless)\b"
)
CONDITION = _any(r"(?<!even )\b(?:if|unless|in case|provided|assuming|as long as|once i (?:know|hear))\b")
ANOTHERS_LINE = re.compile(
    r"(?i)\s{0,8}(?:>|#{0,3}\W{0,3}(?:system|assistant|user|human|ai|developer|admin|instructions?|"
    r"note to (?:the )?(?:ai|model|assistant)|\[?inst\]?)\W{0,3}:)"
)

# ---- What it is about ----

MONEY = r"[$€£]\s?\d[\d,.]*k?|\b\d[\d,.]* ?(?:dollars?|usd|euros?|eur|bucks|pounds|gbp|quid)\b"
MONTHS = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
DAYS = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
WHEN = (
    rf"(?:{MONTHS}\b(?: \d{{1,2}})?|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTHS}\b|next (?:week|month|year|"
    rf"quarter|{DAYS}|spring|summer|fall|autumn|winter)|this (?:week|month|quarter|summer|fall|autumn|"
    rf"spring|winter|{DAYS}|weekend)|"
    rf"q[1-4]\b|{DAYS}|tomorrow|in (?:\w+|\d+) (?:days?|weeks?|months?)|(?:the )?(?:end|start|beginning|"
    rf"middle) of|spring|summer|autumn|winter|new year|black friday|christmas)"
)

TOPICS: dict[str, list[tuple[int, re.Pattern[str]]]] = {
    "pricing": [
        (3, _any(rf"(?<!spend )(?<!spent )(?<!invest )(?<!earn )(?<!make )(?:{MONEY})")),
        (
            3,
            _any(
                r"\b(?:pric(?:e|es|ed|ing)|charg(?:e|es|ed|ing)|pay[- ]what|discounts?|free trial|trial|paywall|"
                r"coupons?|early[- ]bird|lifetime (?:deal|access|membership)|refunds?|money[- ]back|subscription fee|"
                r"fee|fees)\b"
            ),
        ),
        (
            2,
            _any(
                r"\b(?:a|per|each) (?:month|year|seat|member)\b|/ ?(?:mo|month|yr|year)\b|\b(?:monthly|annual|yearly|"
                r"one-time|lifetime) (?:plan|payment|subscription|billing|option|rate|fee)\b|\b(?:free|paid|cheaper|"
                r"expensive|upsell|bundle|installments?|payment plan|founding (?:rate|price|member rate))\b|"
                r"\b\d+ ?(?:%|percent)"
            ),
        ),
    ],
    "platform": [
        (
            3,
            _any(
                r"\b(?:discord|circle|skool|slack|mighty networks?|patreon|substack|beehiiv|ghost|kajabi|teachable|"
                r"thinkific|podia|gumroad|youtube|instagram|tiktok|facebook|whatsapp|telegram|notion|wordpress|"
                r"webflow|shopify|stripe|paypal|convertkit|mailchimp|memberful|geneva|linkedin|twitter|twitch|zoom|"
                r"discourse|lemon ?squeezy|ko-fi|buy me a coffee|medium|spotify|heartbeat|squarespace|wix|carrd|"
                r"airtable|kit|bettermode|udemy|skillshare|maven|threads|bluesky|reddit|google meet|vimeo|loom|tally|"
                r"typeform|calendly)\b"
            ),
        ),
        (
            3,
            _any(
                r"\b(?:platforms?|self-host(?:ed)?|host(?:ed|ing)? (?:it|everything|the \w+) on|own (?:website|site|"
                r"app|server))\b"
            ),
        ),
        (1, _any(r"\b(?:tools?|software|app|site|website|host|hosting|migrate|provider)\b")),
    ],
    "structure": [
        (
            3,
            _any(
                r"\b(?:tiers?|levels?|cohorts?|modules?|channels?|office hours|masterminds?|small groups|pods|"
                r"self-paced|live (?:calls?|sessions?)|(?:weekly|monthly|biweekly|group) (?:calls?|meetings?|"
                r"sessions?|meetups?)|structure[ds]?|format|curriculum|sections|spaces|application[- ]only|"
                r"invite[- ]only|moderators?|onboarding|membership levels?|one-on-one|1:1|evergreen|drip|roles)\b"
            ),
        ),
        (
            2,
            _any(
                r"\b(?:cap(?:ped)?|limit(?:ed)?) (?:\w+ ){0,4}(?:to|at) \w+|\b(?:groups?|phases?|lessons?|rooms?|"
                r"calls?|sessions?|sprints?|chapters|members|seats|people)\b|\bsplit\b|\bdivid"
            ),
        ),
    ],
    "timeline": [
        (
            4,
            _any(
                rf"\b(?:launch\w*|open\w*|start\w*|begin\w*|releas\w*|publish\w*|ship\w*|go(?:ing)? live|live|"
                rf"finish\w*|ready|deadline|beta|presale|pre-sell\w*|enrol\w*|doors|kick\w* off|done|announce\w*|"
                rf"date)\b.{{0,60}}\b{WHEN}"
            ),
        ),
        (
            3,
            _any(
                r"\b(?:launch date|deadline|timeline|postpon\w*|delay\w*|push(?:ing)? (?:it |the \w+ )?back|"
                r"soft launch|schedule|two-week|(?:\w+|\d+)[- ]weeks?|(?:\w+|\d+)[- ]months?|(?:\w+|\d+)[- ]days?)\b"
            ),
        ),
        (
            2,
            _any(
                rf"\b(?:by|on|in|before|until|from|after|at)\b (?:the )?{WHEN}|\b{MONTHS} \d|\blaunch\w*|"
                rf"\bnext (?:week|month|quarter|year)"
            ),
        ),
    ],
    "content": [
        (
            3,
            _any(
                r"\b(?:content|posts?|posting|videos?|topics?|themes?|podcasts?|episodes?|tutorials?|articles?|"
                r"essays?|blogs?|blog posts?|interviews|case studies|shorts|reels|worksheets?|write about|"
                r"newsletters?|issues?|niche|guides?|templates?|how-to|behind[- ]the[- ]scenes|carousels?|ebook|"
                r"lead magnet|threads?|livestreams?|q&as?|workshops?)\b"
            ),
        ),
        (
            2,
            _any(
                r"\b(?:focus\w* on|cover\w*|teach\w*|talk about|film\w*|record\w*|writ\w*|edit\w*|publish\w*|stories|"
                r"recipes|lessons?|audience|beginners|long-form|short-form)\b"
            ),
        ),
    ],
}


def score(text: str) -> dict[str, int]:
    """How much a text is about each category, those that it is not about left out."""
    scores = {
        category: sum(weight for weight, pattern in topics if pattern.search(text))
        for category, topics in TOPICS.items()
    }
    return {category: points for category, points in scores.items() if points > 1}

"""The words by which the detector knows a commitment, what takes it back, and what it is about."""

from __future__ import annotations

import re

SHORT = 8
"""Words of an answer to a question."""
BACK = 4
"""So many sentences before it, at most, stands what a sentence decides."""
LATELY = 600
"""Characters at the end of a reply in which it proposes something."""
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
FINAL = _any(
    r"\b(?:settled|decided|final|(?:made|make) up (?:my|our) minds?|that's that|no going back|no more "
    r"(?:stalling|waffling|dithering|debating)|done (?:deliberating|thinking|debating|dithering|pretending)|moving on|"
    r"next question|case closed|end of (?:story|discussion)|(?:question|topic|matter) is closed|nailed down|locked|"
    r"(?:it's|it is|is) (?:happening|official|fixed|done)|it's official|consider it done|at peace with|"
    r"happy with (?:that|it)|(?:love|like) it|keeping it|stays? (?:there|like that|that way|as it is)|"
    r"how it(?:'ll| will) be|(?:don't|won't) (?:want to )?revisit|set in stone|signed (?:the|a|up)|and nothing else|"
    r"decision made|made the call|done deal|(?:we|i)(?:'ve)? (?:went|gone) with|(?:in|on) (?:my|the|our) (?:diary|"
    r"calendar)|already "
    r"(?:bought|paid|booked|told|announced|signed|set)|no exceptions|full stop|period|no turning back|"
    r"non-negotiable|it's a go|"
    r"let's do (?:it|this|that)|confirmed|no question|without a doubt|for sure|(?:write|put|note) (?:it|that|"
    r"this) down|"
    r"not (?:changing|budging|going back|moving)|won't (?:change|budge|move)|that's the plan|i've landed|booked|"
    r"for good|all in on|my (?:deadline|pick)|sticking (?:to|with)|committed|i'm (?:set|sold|certain)|all set)\b",
    r"^\W*(?:done|sold|deal|final|settled|decided|locked|sorted)\W*$|\bit is(?: then)?\W*$|\bthat's (?:launch day|"
    r"the one|it)\b",
    r"\b(?:for me|bye \w+)\W*$",
)
# A statement of how it is, or will be, of what is theirs to say.
OURS = (
    r"(?:everything|everybody|everyone|(?:\w+ )?members|people|vips?|(?:\w+ )?supporters|subscribers|founders?|"
    r"students|"
    r"newcomers|each \w+|every \w+|the (?:\w+ ){1,3}|(?:my|our|all my|all our) (?:\w+ ){1,3}|prices?|pilot|beta|"
    r"countdown|"
    r"doors|waitlist|teaser|trial|opening \w+|it|its|this|that|there)"
)
RULE = _any(
    rf"\b{OURS} ?(?:'s|is|are|'re)? ?(?:will|'ll|going to|gonna)(?: all| always| just| now)? (?!see\b|"
    rf"have to\b)[a-z]+",
    rf"^\W*(?:\w+ ){{0,3}}{OURS} (?:is |are )?(?:pays?|keeps?|gets?|goes|starts?|runs?|opens?|closes?|joins?|"
    rf"begins?|lives?|"
    r"stays?|ends?|up by)\b",
    rf"^\W*{ME}(?: just| now| only)? (?:make|launch|start|charge|open|host|ship|cap|publish|post|decide|offer|"
    rf"close|begin|run)\b",
)
# Nothing but what it shall be: a few words about one thing, without a subject that does something.
FRAGMENT_WORDS = 9
NO_FRAGMENT = _any(
    r"\b(?:i|we|you|he|she|they|me|us|who|has|have|had|costs?|takes?|is|are|was|were|does|do|did|can|could|would|"
    r"should|"
    r"might|may|about|what|which|how|why|vs|or|versus|options?|ideas?|average|tempted|curious|thoughts)\b",
    r"^\W*(?:and |so |please |just )?(?:give|write|show|help|tell|list|draft|explain|compare|remind|send|create|"
    r"find|add|"
    r"suggest|describe|summari[sz]e|make|check|look|think|talk|thanks?|ignore|record|save|mark|set)\b",
)
OPENS = re.compile(
    r"(?i)\W*(?:(?:yep|yes|yeah|ok|okay|right|so|alright)\W+)?(?:only|no|just|weekly|monthly|daily|fortnightly|"
    r"soft launch|"
    r"going|moving|bumping|switching|self-hosting|hosting|charging|launching|opening|keeping|dropping|raising|"
    r"lowering|"
    r"using|starting|three|two|four|five|one|members-only|women-only|invite-only|evergreen|lifetime|all)\b"
)
INTENT = _any(
    rf"{ME}(?:'ll| will| shall){SURELY} (?:be )?[a-z]+",
    rf"{ME}(?:'m|'re| am| are){SURELY} (?:going to|gonna) [a-z]+",
    rf"{ME}(?:'m|'re| am| are){SURELY} (?!think|consider|lean|wonder|look|try|hop|debat|feel|go|talk|ask|work|"
    rf"mak\w+ (?:good|no)|"
    r"struggl|worry|read|learn|check|explor|research|decid|tempt|torn|wait|tend|do\w+ (?:well|ok|fine))[a-z]+ing\b",
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
    r"\?\W*$|\.\.\.\W*$|\u2026\W*$",
    r"^\W*(?:so |and |but |ok(?:ay)?,? |hmm,? |also,? )*(?:should|would|could|can|do|does|did|is|are|am|"
    r"will|shall|what|which|how|when|where|who|why|any (?:idea|thoughts|advice)) (?:i|we|you|it|the|that|"
    r"this|they|there|if|about|do|does|is|are|would|should|price|platform|much|many|long|on)\b",
    r"\b(?:i wonder|wondering|not sure (?:if|whether|what|which|how)|tell me|help me|can you|could you|"
    r"do you think|what if|what do you)\b",
)
OTHERS = (
    r"(?:he|she|they|everyone|everybody|people|somebody|someone|nobody|gurus?|experts?|friend|brother|sister|wife|"
    r"husband|"
    r"partner|mentor|competitors?|coach|client|boss|colleague|co-?founder|manager|guy|youtuber|followers|subscribers|"
    r"audience|accountant|mother|mum|mom|dad|girl|team|neighbou?r|other \w+|most \w+|some \w+)"
)
REPORTED = _any(
    rf"\b(?:{OTHERS}|(?-i:[A-Z][a-z]+))(?: [a-z]+){{0,2}} (?:said|says|thinks|thought|wrote|wants|wanted|suggested|"
    rf"suggests|"
    r"recommends|recommended|advised|advises|claims|insists|keeps? saying|was like|is like)\b",
    rf"\b{OTHERS}(?:'s|'ve|'re)?\b.{{0,60}} (?:goes|went with|gone with|is going with|are going with|decided|chose|"
    rf"picked|"
    r"told|charges?|uses|moved|runs|is doing|switched|launched|doing|running|charging)\b",
    r"[<>{}]|\w\('",
)
UNDECIDED = _any(
    r"\b(?:still (?:torn|deciding|thinking|debating|not|unsure|undecided|weighing)|torn (?:on|between)|"
    r"back to (?:square one|not knowing|"
    r"the drawing board|zero)|forget (?:that|what i said)|scrapped that|anyone's guess|ask me (?:tomorrow|later)|"
    r"pulled the trigger|"
    r"up in the air|can wait|(?:don't|do not|not) (?:lock|record|save|note)|almost decided|we'll see|i'll see|"
    r"either way|"
    r"haven't (?:decided|chosen|settled|picked|made up)|not (?:decided|settled) (?:yet|on)|yet to decide|"
    r"need to settle|"
    r"can't decide|cannot decide|undecided|need to see|want to hear|no idea|idk|let me think|knowing less)\b",
)
OFFERS = _any(
    r"\b(?:talk|discuss|see|example|look at|show|walk (?:you )?through|go (?:over|through)|next|draft|explain|"
    r"more detail|"
    r"list|compare|hear|help|would you like me|want me)\b"
)
IMAGINED = _any(
    r"^\W*(?:if|unless|suppose|supposing|imagine|assuming|say|hypothetically|in theory|in an? (?:ideal|perfect)|"
    r"ideally|"
    r"were (?:i|we)|had (?:i|we)|should (?:i|we)|in case|whether)\b|\b(?:hypothetically|in theory|what if|were to)\b"
)
NO_COMMITMENT = _any(
    # To pick something later is to have picked nothing.
    r"\b(?:'ll|will|going to|need to|to|must|should) (?:pick|choose|decide|settle)(?: on)? (?:a|an|the|my|our|"
    r"which|what|between|later)\b",
    r"\bgoing with (?:my|our|a|her|his|him|them|the) (?:sister|brother|friends?|wife|husband|kids?|family|mother|"
    r"mum|mom|dad)\b",
    r"\b(?:isn't|aren't|wasn't|weren't|ain't|is not|are not) (?:going|gonna|settled|decided|final)\b|\b(?:almost|"
    r"nearly) (?:decided|settled)\b",
    # Negation.
    rf"{ME} (?:haven't|have not|hadn't|didn't|did not|don't|do not|can't|cannot|can not|couldn't|won't|"
    rf"will not|wouldn't|shouldn't|never|no longer)\b",
    rf"{ME}(?:'m|'re| am| are|'ve|'ll)? (?:still )?(?:not|never|no longer|hardly|nowhere)\b",
    r"\blet's (?:not|hold|wait|see|talk|discuss|think|look|say|imagine|pretend|compare|explore|consider|"
    r"review|assume|suppose|figure|revisit|brainstorm|check|dig|chat|move on|start with|begin with|"
    r"go (?:over|through|back)|work (?:on|out))\b",
    r"\b(?:undecided|unsure|not decided|no decision|yet to decide|nothing is|isn't decided|not (?:final|"
    r"settled|set))\b",
    r"\bdecided (?:against|not to|(?:to|i'll|i will|i need to) (?:think|wait|sleep|consider|look|ask|talk|take|"
    r"give))\b",
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


def _words(listed: str) -> str:
    """An expression for any of these, one or more to a line; `_` stands for a space or a hyphen, `*` for an ending."""
    listed = re.sub(r"\s+", "|", listed.strip()).replace("_", "[ -]").replace("*", r"\w*")
    return rf"\b(?:{listed})(?!\w)"


NUMBER = (
    r"(?:\d[\d,.]*k?|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-\w+)?|one|two|three|four|five|"
    r"six|seven|"
    r"eight|nine|ten|twelve|fifteen|nineteen|a hundred)"
)
MONEY = (
    rf"[$€£]\s?\d|\b{NUMBER} ?(?:dollars?|usd|euros?|eur|bucks|pounds|gbp|quid|cents)\b|\b\d+[.,](?:99|95|90|50|00)\b"
)
MONTHS = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
DAYS = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
SEASONS = r"(?:spring|summer|autumn|fall|winter|new year|black friday|christmas|easter)"
WHEN = (
    rf"(?:{MONTHS} \d{{1,2}}|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTHS}|\d{{1,2}}/\d{{1,2}}|the \d{{1,2}}(?:st|nd|"
    rf"rd|th)|"
    rf"q[1-4]|(?:next|this) (?:week|month|year|quarter|weekend|{DAYS}|{SEASONS})|tomorrow|tonight|"
    rf"in {NUMBER} (?:days?|weeks?|months?)|(?:end|start|beginning|middle) of|{NUMBER}[ -](?:days?|weeks?|"
    rf"months?)(?! free)|"
    rf"(?:by|on|in|until|before|after|from) (?:the )?(?:{DAYS}|{MONTHS}|{SEASONS}))\b"
)
OPENING = _words(
    "launch* open* start* begin* releas* ship* going_live go_live goes_live live deadline beta pilot presale "
    "pre_sell* "
    "enrol* doors kick* countdown announce* waitlist teaser date moving pushing week weeks ready up day"
)

TOPICS: dict[str, list[tuple[int, re.Pattern[str]]]] = {
    "pricing": [
        (4, _any(rf"(?<!spend )(?<!spent )(?<!invest )(?<!earn )(?<!make )(?:{MONEY})")),
        (
            3,
            _any(
                _words(
                    "price prices priced pricing charge charges charging charged undercharging discount* "
                    "free_trial trial* "
                    "paywall coupon* early_bird lifetime_access lifetime_deal lifetime_membership refund* "
                    "money_back fee fees "
                    "pay_what_* half_price months_free month_free month_for_free payment_plan installments "
                    "instalments "
                    "scholarship* rate rates old_rate billing billed subscription"
                )
            ),
        ),
        (
            2,
            _any(
                r"\b(?:a|per|each) (?:month|year|seat|member)\b|/ ?(?:mo|month|yr|year)\b|\b\d+ ?(?:%|percent)",
                _words("free paid pay pays paying cheaper annual yearly one_off one_time upsell bundle founding"),
                r"\b(?:bump\w*|rais\w*|lower\w*|drop\w*) (?:it|them|that) to \d",
            ),
        ),
    ],
    "platform": [
        (
            4,
            _any(
                _words(
                    "discord circle skool slack mighty_networks? patreon substack beehiiv ghost kajabi teachable "
                    "thinkific "
                    "podia gumroad whatsapp telegram notion wordpress webflow shopify stripe paypal convertkit "
                    "mailchimp "
                    "memberful geneva discourse lemon_?squeezy ko-fi kofi buy_me_a_coffee heartbeat squarespace "
                    "wix carrd "
                    "airtable bettermode udemy skillshare maven bluesky reddit google_groups google_meet flarum "
                    "whop locals "
                    "circle.so facebook_groups? youtube_memberships signal matrix mastodon zulip tribe hivebrite "
                    "disciple "
                    "uscreen payhip sellfy nas.io stan_store fanfix"
                )
            ),
        ),
        (
            3,
            _any(
                r"\b(?:platforms?|self-host\w*|own (?:website|site|app|server|domain)|hosted? (?:it|everything) on)\b"
            ),
        ),
        (
            2,
            _any(
                _words("youtube instagram tiktok facebook twitter linkedin twitch zoom spotify medium vimeo email"),
                r"\b(?:app|portal|website|site|domain|server|forum|host|hosting|migrat\w*|switch\w*|live on|"
                r"lives on)\b",
            ),
        ),
    ],
    "structure": [
        (
            4,
            _any(
                _words(
                    "tier tiers level levels cohort cohorts channels roles role moderator* mods pods chapters "
                    "evergreen "
                    "mastermind* inner_circle application_only apply invite_only waiting_list_only women_only "
                    "onboarding "
                    "lounge alumni community_manager self_paced sub_groups subgroups small_groups buddy buddies "
                    "captain* "
                    "anonymous real_names handles dms rooms spaces areas ambassadors accountability membership_levels"
                )
            ),
        ),
        (
            2,
            _any(
                r"\b(?:cap(?:ped|ping)?|limit(?:ed|ing)?)\b.{0,30}\b(?:\d+|\w+ty|hundred)\b",
                _words(
                    "group groups structure* format organis* organiz* split sorted divided sections separate "
                    "members people "
                    "join joins queue seats hall classroom newbie* newcomers admit admission let_in vet vetted"
                ),
            ),
        ),
    ],
    "timeline": [
        (4, _any(rf"{OPENING}.{{0,60}}\b{WHEN}", rf"\b{WHEN}.{{0,40}}{OPENING}")),
        (
            3,
            _any(
                _words(
                    "launch_date launch_day opening_date opening_day deadline timeline postpon* delay* "
                    "soft_launch countdown "
                    "pilot go_live going_live"
                )
            ),
        ),
        (2, _any(rf"\b{WHEN}", _words("launch launching opening schedule waitlist beta"))),
    ],
    "content": [
        (
            4,
            _any(
                _words(
                    "content post posts video videos podcast podcasts episode episodes tutorial tutorials "
                    "article articles "
                    "essay essays blog blogs interviews case_studies shorts reels worksheet* newsletter "
                    "newsletters templates "
                    "carousels ebook livestream* q&a q&as workshop* documentary series audio subtitles lessons "
                    "curriculum "
                    "live_calls live_call office_hours weekly_calls weekly_call live_sessions breakdowns "
                    "critique critiques "
                    "sprints topic topics theme themes niche niching teardown* masterclass* recording recordings "
                    "voice_notes "
                    "challenge challenges sheet_music book_club recipes unit module modules guide guides webinar*"
                )
            ),
        ),
        (
            2,
            _any(
                _words(
                    "focus* cover* teach* film* record* writ* edit* publish* stories lesson beginners long_form "
                    "short_form "
                    "weekly daily fortnightly biweekly every_week every_day every_morning every_weekday twice_a_week "
                    "twice_a_month once_a_week each_week each_month behind_the_scenes"
                )
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


HURRIED_WORDS = "i'm i've don't won't can't didn't isn't aren't that's let's wouldn't haven't it'll they've we've"
SPELT_OUT = {name.replace("'", ""): name for name in HURRIED_WORDS.split()}
HURRIED = re.compile(
    rf"(?i)\b(?:{'|'.join(SPELT_OUT)})\b|\bits (?=gonna|going|settled|decided|final|official|done)|\bill (?=[a-z])"
)


def spelt_out(text: str) -> str:
    """With the apostrophes that people in a hurry leave out."""
    return HURRIED.sub(lambda found: _spelt(found[0]), text.replace("\u2019", "'"))


def _spelt(word: str) -> str:
    known = {"its ": "it's ", "ill ": "I'll "}
    return SPELT_OUT.get(word.lower()) or known[word.lower()]

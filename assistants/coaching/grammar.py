"""The grammar by which the detector knows a commitment of the speaker, and what takes it back."""

from __future__ import annotations

import re

from assistants.coaching.words import CURRENCIES, MONEY, NUMBER, WHEN, any_of

SHORT = 10
"""Words of an answer to a question."""
BACK = 4
"""So many sentences before it, at most, stands what a sentence decides."""
LATELY = 600
"""Characters at the end of a reply in which it proposes something."""

# ---- Who commits themselves ----

ME = r"\b(?:i|we|(?:we|they) (?:both|all)|me and \w+|my \w+ and i|the two of us)"
SURELY = (
    r"(?: (?:have|now|just|finally|definitely|officially|both|all|already|also|hereby|really|so|then|totally|only|"
    r"absolutely|certainly|simply|gladly|happily|will)){0,4}"
)
AM = r"(?:'m|'re| am| are)"
SHALL = r"(?:'ll| will| shall| am going to|'m going to|'re going to| are going to|'m gonna|'re gonna| gonna)"
# To choose, in any tense that is over or present, is to have chosen.
CHOSE = (
    r"(?:decided|settled|chosen|chose|picked|committed|agreed|finali[sz]ed|concluded|locked|opted|landed|resolved|"
    r"plumped|set on|made up m|made (?:the|a|my|our) (?:decision|choice|call|switch|move|pick)|"
    r"(?:went|gone|going|go|sticking|stuck|stick|running|moving ahead|going ahead|rolling|proceeding) (?:with|"
    r"for)|all in|"
    r"gone all in|sold on|fixed|nailed|ruled|signed off|ticked|confirmed|booked|"
    r"(?:bit|bitten) the bullet|pulled? the trigger|pulling the trigger|took the plunge|voted|drawn)"
)
# What somebody does who has chosen a place, people or a day: of what it costs it says nothing.
GOT = (
    r"(?:bought|signed|cancelled|canceled|switched|ditched|dropped|moved|migrated|registered|subscribed|appointed|"
    r"hired|"
    r"recruited|reserved|set(?: it| this| that| everything)? up|installed|created|deleted|paid for|ordered|left|"
    r"binned|scrapped|"
    r"killed)"
)
# What creators do with what they make, in the present: a habit that they set, or a thing that they do now.
RUNS = (
    r"(?:make|launch|start|charge|open|host|ship|cap|publish|post|decide|offer|close|begin|run|teach|use|go live|go|"
    r"kick off|pick|choose|opt|keep|split|limit|sell|build|move|stay|drop|release|film|do)"
)

FIRM = any_of(
    rf"{ME}(?:'ve| have|{AM})?{SURELY} {CHOSE}\b",
    rf"{ME}{SURELY} (?:pick|choose|opt for)\b",
    rf"{ME}{SHALL}{SURELY} (?:go|stick|stay|run|roll|proceed) (?:with|for|ahead)\b",
    r"\blet's (?:just |definitely |all )?(?:go|stick|stay|run|roll|proceed) (?:with|for|ahead)\b",
    r"\blet's lock\b|\block(?:ed|ing)? (?:it |that |this )?in\b",
    r"^\W*(?:(?:ok(?:ay)?|so|right|alright|great|final|yes|yep),? )*(?:decided|decision|settled|"
    r"(?:going|sticking|rolling|running) with|locked in|final answer|my decision|our decision|signed off)\b",
    r"\b(?:the|my|our) (?:final )?(?:decision|choice|call|pick|verdict|answer) is\b",
    r"\b(?!what\b|how\b)[\w-]+ it is\W*(?:then\W*)?$",
    r"\b(?:has|have|'s|is|are|was|were) (?:now |all |been )?(?:decided|settled|finali[sz]ed|signed off|locked)\b",
    r"\bgoes? to [\w $\u20ac\u00a3.]{1,20} and (?:it )?stays\b",
)
FINAL = any_of(
    r"\b(?:settled|decided|final|(?:made|make) up (?:my|our) minds?|(?:my|our) minds? (?:is|are|was) made up|"
    r"that's that|"
    r"no going back|no turning back|no looking back|no more (?:\w+ ){0,2}(?:stalling|waffling|dithering|debating|"
    r"forth|"
    r"thinking|dilly)|(?:done|finished|through) (?:and dusted|deliberating|thinking|debating|dithering|pretending|"
    r"overthinking|waffling|shopping)|moving on|next (?:question|item)|case closed|end of (?:story|discussion|"
    r"debate)|"
    r"(?:question|topic|matter|book|subject|discussion) is closed|nailed down|locked|(?:it's|it is|is) (?:happening|"
    r"official|fixed|done|sorted)|consider it done|at peace with|happy with (?:that|it)|(?:love|like) it|keeping it|"
    r"stays? (?:there|like that|that way|as it is|put)|how it(?:'ll| will|'s going to) (?:be|work|go)|"
    r"how (?:i'm|we're) (?:\w+ing)|what (?:i'll|we'll|i'm going to|we're going to) (?:\w+)|(?:don't|won't) "
    r"(?:want to )?"
    r"(?:revisit|touch it)|set in stone|carved in stone|signed (?:the|a|up)|and (?:nothing|nowhere|nobody) else|"
    r"decision made|made the call|done deal|(?:in|on) (?:my|the|our) (?:diary|calendar)|already (?:bought|paid|"
    r"booked|told|"
    r"announced|signed|set|written|lined|emailed|posted|made)|i've told (?:them|everyone|everybody|my)|no "
    r"exceptions?|full "
    r"stop|period|non-negotiable|not negotiable|it's a go|confirmed|no question|without a doubt|for sure|(?:write|"
    r"put|"
    r"note|mark|pencil|log|jot) (?:it|that|this|me) (?:down|in)|not (?:changing|budging|going back|moving|going "
    r"(?:lower|"
    r"higher)|negotiable)|won't (?:change|budge|move)|that's (?:(?:the|my|our) )?(?:plan|model|rule|policy|rhythm|"
    r"niche|price|number|day|"
    r"date|deal|format|structure|setup|system|home|last word|decision|pick)|i've landed|for good|all in on|my "
    r"(?:deadline|"
    r"pick|last word)|sticking (?:to|with)|committed|i'm (?:set|sold|certain)|all set|from (?:now|here) on(?: "
    r"out)?|as of "
    r"(?:today|now)|come (?:hell|what may|rain)|whether i'm ready|there,? i said it|you win|be done with it|said yes|"
    r"that's (?:us|me) (?:sorted|done)|couldn't resist|hill i'll die on|screw it|sod it|to hell with it|bye bye|"
    r"so long|"
    r"never looking back|that's a promise|that's (?:what|who|when|where|how|all) (?:i|we|they|it|this|that|gets?)|"
    r"no way back|end of|convinced me|caved|no apologies|stand by|where (?:we|it|they|members|everyone|everybody|"
    r"people|i)(?:'ll|'re|'m| will| are| is| can)|gets my (?:money|vote)|contract(?:'s| is) signed|make that "
    r"happen|sleep on it no more|that(?:'s| is) (?:how it is|the content)|"
    r"that's what (?:we|i|it)|so be it|and that's (?:it|all)|the end)\b",
    r"^\W*(?:done|sold|deal|final|settled|decided|locked|sorted|confirmed|agreed|period|booked)\W*$|"
    r"\bthat's (?:launch day|the one|it|final|all)\b",
    r"\bput it in the (?:calendar|diary|books?)\b|(?:\bfor me|\b(?:bye|goodbye|farewell) \w+)\W*$",
)

# How it is, or will be, with what is theirs to say. `it` is what is spoken of.
OURS = (
    r"(?:everything|everybody|everyone|nobody|nothing|no one|sign-?ups|pre-?orders|membership|new \w+|people can|"
    r"day one|admission|entry|the big day|(?:\w+ )?members(?: and \w+)?|vips?|(?:\w+ )?supporters|(?:\w+ "
    r")?subscribers|founders?|"
    r"students|newcomers|newbies|mods|moderators|roles|admins|tickets|both \w+|each \w+|every \w+|all (?:\w+ ){1,3}|"
    r"(?:the|my|our|all my|all our|a) (?:[\w'-]+ ){0,3}(?:price|prices|pricing|rate|fee|tier|tiers|levels?|plans?|"
    r"launch|opening|date|"
    r"day|deadline|platform|community|course|courses|newsletter|membership|content|structure|program(?:me)?|group|"
    r"groups|"
    r"forum|home|hosting|series|videos?|podcast|posts?|lessons?|calls?|episodes?|topics?|niche|theme|focus|doors|"
    r"waitlist|"
    r"beta|pilot|trial|discount|number|thing|channels?|spaces?|rooms?|cohorts?|modules?|site|format|schedule|"
    r"kick-?off|"
    r"classroom|chat|guides?|workshops?|essays?|club|letter|unit|members?|subscription|bundle|presale|list|party|"
    r"plan|"
    r"model|countdown|teaser|"
    r"account|circle|hall|intake|vetting|onboarding|policy|rule|set-?up)|prices?|pricing|hosting|pilot|beta|"
    r"countdown|doors|waitlist|"
    r"teaser|trial|presale|enrol?lment|opening \w+|launch(?: day)?|kick-?off|d-?day|early access|the soft launch|"
    r"it|its|this|that|there|they|first \w+|final \w+|monthly|yearly|annual|opening|hosting|tiers|dms|refunds?|"
    r"the date|"
    r"the whole thing|(?:\w+ ){0,2}(?:moderate)s?)"
)
IS_SET = (
    r"(?: has been| have been|'s been| is| are|'s|'re)(?: now| officially)? (?:set|fixed|capped|limited|handed|"
    r"sorted|split|scheduled|"
    r"booked|kept|hosted|run|organi[sz]ed|priced|sold|planned|pencilled|penciled|moved|moving|going|happening|"
    r"staying|closed|"
    r"divided|grouped|grandfathered|included|gated|vetted|switched)\b"
)
WILL = (
    r" ?(?:will|'ll|(?:'s |is |are |'re )?(?:going to|gonna))(?: all| always| just| now| only)? "
    r"(?!see\b|have to (?:see|wait)\b|depend)[a-z]+"
)
# What it is, where it is said with a price or a day.
IS = (
    rf"(?: is|'s|\s?[:=])(?: now| just)? (?:by (?:application|invitation|referral|lottery|invite)|{MONEY}|{WHEN}|"
    rf"(?:the )?\d{{1,2}}[/.]\d|{NUMBER}(?! (?:of|too)\b)|\w+ {CURRENCIES}|free\b|self-paced)"
)
IS_FOR = r"(?: is|'s| are) (?:only |just )?for [\w ]{1,25}\bonly\b"
DOES = (
    r"(?: (?:all|only|now|always))? (?:pays?|keeps?|gets?|goes|go|starts?|runs?|opens?|closes?|joins?|begins?|lives?|"
    r"stays?|ends?|moves?|votes?|introduces?|comes?|happens?|kicks?|costs?|moderates?|applies|apply|ships?|"
    r"launch(?:es)?|up by|becomes?|spends?|meets?|posts?|enters?|takes place|includes?|follows?|drops?|changes?|"
    r"airs?|"
    r"arrives?|lands?|can pay|shares?|answers?|works? in|appears?|remains?)\b(?! (?:out )?to \d)"
)
RULE = any_of(
    rf"\b{OURS}(?:{WILL}|{IS_SET}|{IS}|{IS_FOR})",
    rf"^\W*(?:\w+ ){{0,3}}{OURS}{DOES}",
    r"\b(?:there|it|prices?) won't be\b|\b(?:it's|it is) an? [\w -]{0,20}(?:group|community|club|space|course|"
    r"newsletter)\b|\bwe're an? \w+ (?:group|community|club)\b",
    r"\b(?:my|our|the) (?:\w+ ){0,2}(?:series|topic|niche|module|lesson|course|podcast|newsletter|focus) (?:is|"
    r"will be) (?:about|on|all)\b",
    r"(?-i:\b[A-Z])[a-z]+(?: and (?-i:[A-Z])[a-z]+)?(?:'s| is| are|'ll| will)(?: going to| gonna)? (?:be |become "
    r")?(?:the |our |my )?(?:moderat|mods?\b|lead|admin|run)",
    rf"{ME}{AM} live\b|{ME} live on\b",
    r"\b(?:it's|it is) (?:\w+[ -])only\b",
    rf"\b{WHEN} (?:i|we)(?: will|'ll)? (?:open|launch|start|go live|begin|ship|kick off)\b",
    r"^\W*(?:final |first |decision |my |our |the )*(?:d-day|decision|topic|focus|niche|structure|price|platform|"
    r"launch|date|format|kickoff|plan)\s?[:=]\s?\w",
    rf"(?:^|: )\W*{ME}{SURELY} {RUNS}\b(?! (?:back and forth|to (?:think|wonder|school|work|bed)))",
    rf"{AM} on (?-i:[A-Z])\w+ (?:now|from)\b",
    rf"{ME} want (?:it|this|that|the \w+) (?:on|in|to be|out|open|flat|live|small|simple|under|at|by)\b",
    r"\b(?:my|our) (?:\w+ ){1,2}will moderate\b",
)
INTENT = any_of(
    rf"{ME}{SHALL}{SURELY} (?:be )?[a-z]+",
    rf"{ME}{AM}{SURELY} (?!think|consider|lean|wonder|look|try|hop|debat|feel|talk|ask|work|mak\w+ (?:good|no)|"
    rf"struggl|"
    rf"worry|worri|read|learn|check|explor|research|decid|tempt|torn|wait|tend|do\w+ (?:well|ok|fine)|toy|weigh|"
    rf"play|test|"
    rf"quit|fly|sit|meet|see|visit|compar|plann?ing (?:to|on)|say|guess|going to (?:think|see|ask|check)|pay|"
    rf"spend|earn|not\b)[a-z]+ing\b",
    r"^\W*(?:so )?(?:gonna|will|won't be|going to|'ll) (?!see\b|think|check|ask|look|let\b|get back)[a-z]+",
    r"\blet's [a-z]+",
    rf"{ME}(?:'d| would) (?:like|love|prefer) to (?:go|use|charge|launch|start|host|keep|offer) (?:with|on|at|for)\b",
    rf"{ME}{SURELY} want (?:to (?:go|use|charge|launch|start|host|keep|offer|do)|it|the)\b",
)
# Told to do it: with what is spoken of, or to take something away or keep it.
TOLD = any_of(
    r"^\W*(?:(?:please|so|ok(?:ay)?|yes|yep|fine|right|alright|no|just|then|screw it|and),? )*(?:make|call|put|"
    r"set|keep|leave|"
    r"round|take|drop|raise|lower|bump|move|push|bring|split|cap|build|host|run|launch|open|start) (?:it|that|"
    r"them|this|me (?:down|in)|"
    r"the (?:price|launch|date|trial|doors|group|fee|rate|community)|everything)\b",
    r"^\W*(?:(?:please|so|ok(?:ay)?|yes|yep|fine|right|just|and),? )*(?:ditch|scrap|drop|lose|kill|bin|skip|cut|"
    r"scratch|forget) "
    r"(?:the|all|those|any) \w+",
)
GOT_IT = any_of(rf"(?:{ME}(?:'ve| have)?{SURELY}|^\W*(?:just|already|finally)) {GOT}\b")
# They have changed something of their own.
CHANGED = any_of(
    rf"{ME}(?:'ve| have)?{SURELY} (?:dropped|raised|lowered|pushed|moved|split|cut|bumped|capped|postponed|"
    rf"scrapped|extended|"
    rf"merged|limited|doubled|halved|ended up (?:on|with)|put (?:[\w$-]+ ){{1,3}}on)\b",
    r"^\W*only (?:\w+ ){1,4}(?:can|may|get|will|are allowed)\b|\blet it be\b|\b(?:is|'s) (?:out|in)\W*$",
    rf"{ME} won't (?:have|let|allow|accept|admit)\b",
)
FORMS = (INTENT, TOLD, CHANGED, RULE)
# Nothing but what it shall be: a few words, without a subject that does something.
FRAGMENT_WORDS = 14
FRAGMENT_SHARE = 0.62
NO_FRAGMENT = any_of(
    r"\b(?:i|i'm|i've|we|we're|we've|you|your|he|his|she|her|they|their|them|us|who|whose|has|have|had|having|"
    r"costs?|takes?|is|are|isn't|"
    r"aren't|was|were|wasn't|does|did|can|can't|could|would|should|might|what|which|how|why|vs|versus|or|if|when|"
    r"options?|"
    r"ideas?|average|median|tempted|curious|thoughts|huh|somewhere|around|roughly|either|between|looks?|looking|"
    r"sounds?|"
    r"feels?|seems?|works?|raised|says?|said|ago|tbd|tba|like|hate|wants?|needs?|keeps?|makes?|people|maybe|hmm+|"
    r"really|"
    r"interesting|btw|lol|depends|usually|often|always)\b",
    r"\b(?:went|goes|got|came|paid|bought|rent|quit|left|made|said|care|know|think|love|wish|terrible|exams?|"
    r"school)\b",
    r"^\W*(?:and |so |please |just |now )?(?:give|write|show|help|tell|list|draft|explain|compare|remind|send|"
    r"create|find|add|"
    r"suggest|describe|summari[sz]e|make|check|look|think|talk|thanks?|thank|ignore|record|save|mark|set|choose|pick|"
    r"decide|considering|thinking|wondering|toying|launching feels|not|never|about|same|read|see|plan|design|"
    r"outline|hi|hello)\b",
    r"\.\.\.|\u2026",
)
# It speaks of doing it, and leaves out who: that is the speaker.
OPENS = re.compile(
    r"(?i)\W*(?:(?:yep|yes|yeah|ok|okay|right|so|alright|fine|then|and|just)\W+)*(?:going (?!back|forward)|moving|"
    r"bumping|switching|"
    r"self-hosting|hosting|charging|launching (?!feels|is)|opening|keeping|dropping|raising|lowering|using|"
    r"starting|postponing|pushing|bringing|"
    r"scrapping|adding|splitting|capping|limiting|building|running|doing|posting|publishing|filming|teaching|"
    r"removing|cutting|"
    r"leaving|making it|setting|capped|limited|not waiting|sticking|offering|giving|releasing|hosting|recording|"
    r"writing|"
    r"no (?!idea|clue|thanks|worries|problem|rush|way|one|not|matter|doubt|wonder|need)(?:more )?\w+)\b"
)
LEANING = any_of(
    rf"{ME}{AM}? (?:leaning|inclined|thinking|considering|tempted|tending|drawn)\b",
    rf"{ME} (?:think|guess|feel|suppose|believe|prefer|like)\b",
    rf"{ME} (?:might|may|could|should)\b",
    r"\b(?:maybe|perhaps|probably|possibly)\b",
    # Anything else that they do, in the present; not what they have, feel or did.
    rf"^\W*{ME}{SURELY} (?!(?:have|had|got|get|am|are|make|earn|like|hate|love|need|want|know|think|hope|feel|see|"
    rf"mean|keep|wonder|"
    rf"guess|suppose|believe|remember|understand|hear|said|say|talk|work|spend|spent|pay|paid|sleep|read|watch|"
    rf"can|could|"
    rf"would|should|might|may|must|try|usually|often|always|never|do|don|did|was|were|went|wrote|told|gave|came|"
    rf"made|took|"
    rf"thought|felt|knew|saw|heard|prefer|wish|tend|also|still|enjoy|trust|agree|worry|dread|find|quite|ask|look|"
    rf"miss|haven|won|"
    rf"wouldn|couldn|didn|keep|expect|doubt|imagine|live|come|plan|intend|aim|dream|only know|\w+ed)\b)[a-z]+\b",
)
YES = (
    r"(?:yes|yep|yeah|yup|ya|ok|okay|sure|agreed|deal|done|perfect|great|absolutely|definitely|exactly|totally|"
    r"of course|please do|sounds (?:good|great|right|perfect|fine|lovely|about right)|works for (?:me|us)|that works|"
    r"works|i agree|i can|i like (?:it|that|this)|lo+ve (?:it|that|this)|i'm in|i'll take (?:it|that)|good "
    r"(?:idea|call|plan)|makes "
    r"sense|right|fine(?: by me| with me)?|(?:ok |okay )?do (?:it|that)|go ahead|go on then|(?:let's )?(?:go|do|"
    r"run|roll) (?:for|with)? ?(?:it|that|"
    r"this)|let's|keep it|count me in|brilliant|cool|nice|amen|100%|\+1)"
)
AGREEMENT = re.compile(
    rf"(?i)\W*(?:{YES}\b|(?:i'd say |i'll take |let's do |i choose |go with )?(?:the )?(?:first|second|third|"
    r"latter|former|last|shorter|longer|cheaper|higher|lower|bigger|smaller|earlier|later)(?: one| option)?\b|"
    r"option [a-d1-4]\b)"
)
REFUSED = any_of(
    r"^\W*(?:no|nope|nah|not|never|hmm+|hm+|depends|maybe|perhaps|possibly|later|hold|wait|unsure|dunno|idk|what|"
    r"why|how|"
    r"let me|i'll (?:think|see|check)|tempting|interesting|that's interesting|scary|too)\b(?!,? (?:split|one|"
    r"more)\b)",
    r"\b(?:scares?|scary|depends|too (?:low|high|soon|late|much|early)|not (?:sure|convinced|yet|ready)|sleep on|"
    r"think about|"
    r"in two minds|thanks!?)\b|\bbut\b",
)
# It has no subject of its own, so what it answers to says what it is about.
REFERS = any_of(
    r"\b(?:that|it|this|those|these|one|option|former|latter|suggestion|recommendation|idea|plan|both|shorter|longer|"
    r"earlier|later|first|second|third|cheaper|higher|lower|seven|ten)\b",
    rf"\b{YES}\b",
)
PROPOSES = any_of(
    r"\b(?:recommend|suggest|propose|how about|what about|i'd|i would|you could|you should|shall we|let's|"
    r"consider|why "
    r"not|would you|option|options|either|start (?:with|at)|best|we could|we can|could|the plan has|realistic)\b"
)
OFFERS = any_of(
    r"\b(?:talk|discuss|see|example|look at|show|walk (?:you )?through|go (?:over|through)|next|draft|explain|"
    r"more detail|list|"
    r"compare|hear|help|would you like me|want me|ready to|tell me|write|how did|how was|summary|remind|tackle|"
    r"work on|get into|turn to|dig|today|right now)\b"
)

# It is asked how things are, and the answer tells it.
ASKS_FACTS = any_of(
    r"\b(?:did you|have you|you had|do you (?:know|post|have|earn|make|work|get|use)|"
    r"does (?:your|it)|currently|at the moment|"
    r"how (?:big|did|was|are|is)|competitors?|"
    r"your (?:audience|followers|competitors|readers))\b"
)
# It is asked what it shall be.
ASKS_FOR_CHOICE = any_of(
    r"\b(?:will|would you (?:like|rather|prefer|want)|shall|should|do you want|going to|are we|are you (?:going|"
    r"imagining|planning|"
    r"thinking|landing|leaning)|which (?:one|of|do|would)|what's it|would people|do we|feel)\b"
)
OPEN_ANSWER = 6
"""Words of an answer that names something that no class knows."""

# ---- What takes it back ----

QUESTION = any_of(
    r"\?\W*$|\b(?:huh|hmm+)\W*$|\.\.\.\W*$|\u2026\W*$",
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|hmm|also|hey|well),? )*(?:(?:should|would|could|can|does|did|is|are|am|will|"
    r"shall|what|"
    r"which|how|when|where|who|why|any|has|have) (?:i|we|you|it|the|that|this|they|there|if|about|do|does|is|are|"
    r"would|"
    r"should|price|platform|much|many|long|on|day|anyone|idea|thoughts|advice|\d)|do (?:i|we|you|they|people|the))\b",
    r"\b(?:i wonder|wondering|not sure (?:if|whether|what|which|how)|tell me|help me|can you|could you|do you "
    r"think|what "
    r"if|what do you|what would|wouldn't it|isn't it|right\?)\b",
)
PEOPLE = (
    r"(?:he|she|they|people|somebody|someone|nobody|gurus?|experts?|friends?|brother|sister|wife|husband|partner|"
    r"mentor|"
    r"competitors?|coach|clients?|boss|colleague|co-?founder|guy|youtuber|followers|subscribers|audience|accountant|"
    r"mother|mum|mom|dad|girl|neighbou?r|readers?|one (?:reader|member|person)|other \w+|most \w+|some \w+|half "
    r"of (?:them|my \w+)|poll|"
    r"creators|my members|our members|the members|my fans|cousin|manager|therapist)"
)
REPORTED = any_of(
    rf"\b(?:{PEOPLE}|(?-i:[A-Z][a-z]+))(?: [a-z]+){{0,2}} (?:said(?! yes)|says(?! yes)|thinks|thought|wrote|"
    rf"wants?|wanted|suggested|suggests|"
    rf"recommends|recommended|advised|advises|claims|insists|keeps? (?:saying|asking)|was like|is like|swears|"
    rf"prefers?|"
    rf"assumes|told)\b",
    rf"\b{PEOPLE}(?:'s|'ve|'re)?\b(?! (?:and|said yes)\b).{{0,60}} (?:goes|went with|gone with|is going with|are "
    rf"going with|decided|chose|"
    rf"picked|told|charges?|uses|moved|runs|is doing|switched|launched|opens|doing|running|charging|want|prefer)\b",
    r"\b(?:template|book|article|blog|example|guide|your \w+|you) (?:said|says|suggested|suggests|assumes?|"
    r"recommended?|told)\b",
    r"\b(?:according to|says everybody|they say|as they say|the (?:median|average|typical|usual) |everybody says)\b",
    r"[<>{}]|\w\('",
)
UNDECIDED = any_of(
    r"\b(?:still (?:torn|deciding|thinking|debating|not|unsure|undecided|weighing|open|have to|need to)|torn "
    r"(?:on|between)|"
    r"back to (?:square one|not knowing|the drawing board|zero)|forget (?:that|what i said|everything)|scrapped that|"
    r"(?:is )?anyone's guess|ask me (?:tomorrow|later|again)|haven't pulled the trigger|up in the air|(?:don't|do "
    r"not|not) "
    r"(?:lock|record|save|note)|almost (?:decided|signed)|we'll see|i'll see|either way|haven't (?:decided|chosen|"
    r"settled|"
    r"picked|made up|pulled)|not (?:decided|settled) (?:yet|on)|yet to decide|need to settle|can't decide|cannot "
    r"decide|"
    r"undecided|need to see|want to hear|no idea|idk|let me think|knowing less|don't know|dunno|back and forth "
    r"(?:every|all|between)|"
    r"need to rethink|rethink|rethinking|take back|not there yet|don't hold me|just (?:to look|looking|to see|"
    r"browsing)|to see "
    r"if|trying (?:it |that )?out|to play with|no commitment|ignore (?:all|your|my|the|previous)|add a decision|"
    r"can't promise|changed my mind about|"
    r"off the table|tbd|tba|who knows|not a clue|until i know|head says|gut says)\b",
)
IMAGINED = any_of(
    r"^\W*(?:and |but |so |then )?(?:if|unless|suppose|supposing|imagine|assuming|say|pretend|hypothetically|in "
    r"theory|in an? (?:ideal|perfect|"
    r"dream)|ideally|were (?:i|we)|had (?:i|we)|should (?:i|we)|in case|whether|once|when i|by the time|as soon "
    r"as|provided|"
    r"let's (?:say|assume|pretend|imagine))\b|\b(?:hypothetically|in theory|what if|were to|if only|as if)\b",
)
NOT_THEIRS = (QUESTION, REPORTED, IMAGINED)
NO_COMMITMENT = any_of(
    r"\bcan wait\b|\b(?:step|part|section|chapter) (?:now|next|first)\b|\bnext (?:topic|step|up|point)\b",
    rf"{ME}{AM} (?:\w+ )?(?:bad|good|terrible|great|hopeless|awful) at\b|{ME}{AM} aiming to\b|\bmy (?:free "
    rf")?trial (?:at|with|of|for)\b|\b(?:my|our|the) last\b",
    # To pick something later is to have picked nothing.
    r"\b(?:'ll|will|going to|need to|to|must|should) (?:pick|choose|decide|settle)(?: on)? (?:a|an|the|my|our|"
    r"which|what|"
    r"between|later|together|by)\b",
    r"^\W*(?:please )?(?:pick|choose|suggest|recommend|set) .{0,40}(?:for me|whatever|you think|you like)\b",
    r"\bgoing with (?:my|our|a|her|his|him|them|the) (?:sister|brother|friends?|wife|husband|kids?|family|mother|"
    r"mum|mom|"
    r"dad)\b",
    r"\b(?:isn't|aren't|wasn't|weren't|ain't|is not|are not) (?:going|gonna|settled|decided|final)\b|\b(?:almost|"
    r"nearly) "
    r"(?:decided|settled)\b",
    # Negation.
    rf"{ME} (?:haven't|have not|hadn't|didn't|did not|don't|do not|can't|cannot|can not|couldn't|won't(?! (?:let|"
    rf"have|allow|accept|admit|"
    rf"do discounts))|will not|wouldn't|shouldn't|never|no longer)\b",
    rf"{ME}(?:{AM}|'ve|'ll)? (?:still |so |really |definitely )?(?:not(?! (?:doing|offering|giving|having|making|"
    rf"waiting))|never|no longer|hardly|nowhere|no closer)\b",
    rf"{ME}{AM} (?:definitely |so )?not (?:using|doing facebook|going)\b",
    r"^\W*(?:definitely |certainly )?(?:not|never) [\w ]{1,30}(?:$|,)(?!.*\b(?:instead|only)\b)",
    r"\blet's (?:not|pick (?:this|it) up|continue|stop|meet|hold|wait|see|talk|discuss|think|look|say|imagine|"
    r"pretend|compare|explore|consider|review|assume|"
    r"suppose|figure|revisit|brainstorm|check|dig|chat|move on|start with (?:the|my|our)|begin with|go (?:over|"
    r"through|back)|work (?:on|out))\b",
    r"\b(?:undecided|unsure|not decided|no decision|yet to decide|nothing is|isn't decided|not (?:final|settled|"
    r"set))\b",
    r"\bdecided (?:against|not to|(?:to|i'll|i will|i need to) (?:think|wait|sleep|consider|look|ask|talk|take|"
    r"give))\b",
    # Only thought, or to be thought about.
    rf"{ME}(?:{SHALL}|'d| would|'d like to| need to| have to| want to| should| must){SURELY} (?:have to |need to |"
    rf"try to |"
    rf"want to |be )?(?:think|consider|decide|check|look|see|research|explore|compare|ask|figure|let you|get back|"
    rf"talk|"
    rf"discuss|sleep|review|read|know|find out|wait|revisit|ponder|investigate|weigh|evaluate|understand|hear|"
    rf"learn|need|"
    rf"tell|send|update|report|try|sit|help|have more|start (?:the laundry|dinner|lunch))\b",
    rf"{ME} [a-z]+ (?:[\w'$]+ ){{0,2}}already\b|{ME}(?:{AM}| will be|'ll be) (?:on holiday|on vacation|away|back|"
    rf"offline|busy|travel\w*|meeting|bored)\b",
    r"\b(?:for work|at work|day job|as it is|as a freelancer|freelance|high school|on a farm|at the pub|the kids|"
    r"at markets|when i'm|"
    r"(?:at|in) (?:the )?(?:office|shop|hospital|school|airport)|the shop|questions about|for a haircut|to be "
    r"lying)\b",
    rf"{ME} (?:keep thinking|like|hate|love|wish|hope|wonder|wanted|paid|spent|spend|earn|make \W?\d[\d,.]*|have "
    rf"\d+|got \d+)\b(?! it| that)",
    # What is imagined.
    rf"{ME} (?:would(?! (?:like|love|prefer) to)|could|might|may|might have|could have|would have|should have|"
    rf"need|have to)\b|"
    rf"{ME}'d (?:have|be|go|use|charge|launch|pick|choose|probably|rather|never|need|say|love|even)\b|\b(?:it|"
    rf"that)'?d be\b",
    r"\b(?:someday|one day|eventually)\b",
    # The past.
    rf"{ME} (?:was|were|had|used to|almost|nearly|originally|initially|previously|once)\b|{ME}'d (?:been|planned|"
    rf"decided|"
    rf"chosen|settled|agreed|picked)\b|{ME}'ve been\b",
    r"\b(?:last (?:year|month|week|time|spring|summer|autumn|fall|winter)|years? ago|months? ago|weeks? ago|back "
    r"then|back "
    r"(?:when|in)|in (?:19|20[01])\d|in 202[0-4]|at first|originally|previously|in the past|at the time|when i "
    r"was|for years|used to)\b",
    # A fact about a product or a person, whose name comes first.
    rf"^\W*(?!(?i:{OURS}|i|we)\b)(?-i:[A-Z])[\w.-]*(?:'s (?:great|fee|price|good|bad|nice|free|cheap|expensive|ok|"
    rf"fine)| (?:is|has|costs?|"
    r"takes?|looks?|charges|raised|offers|lets|seems|feels|comes|gives|wants|needs|does|doesn't|can|was|works?|"
    r"sounds|are|"
    r"have|supports))\b",
)
HEDGE = any_of(
    r"\b(?:maybe|perhaps|probably|possibly|might|i think|i guess|not sure|leaning|or so|i suppose|"
    r"tentative(?:ly)?|kind of|"
    r"kinda|sort of|sorta|i feel like|could be|or maybe|unless|ideally|hopefully|presumably|ish|roughly)\b"
)
CONDITION = any_of(
    r"(?<!even )\b(?:if|unless|in case|provided|assuming|as long as|once i (?:know|hear)|once we(?:'ve|'re)?|"
    r"depending)\b(?! they like)"
)
ANOTHERS_LINE = re.compile(
    r"(?i)\s{0,8}(?:>|#{0,3}\W{0,3}(?:system|assistant|user|human|ai|developer|admin|instructions?|"
    r"note to (?:the )?(?:ai|model|assistant)|\[?inst\]?)\W{0,3}:)"
)

"""The words by which the detector knows what a decision is about, by classes that carry over: money, names of
platforms, dates, what a community is made of, what is made for it."""

from __future__ import annotations

import re

STRONG = 3
"""Points from which on a few words without a verb are about something."""


def any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("(?i)" + "|".join(f"(?:{pattern})" for pattern in patterns))


def listed(words: str) -> str:
    """An expression for any of these, one or more to a line; `_` stands for a space or a hyphen, `*` for an "
    "ending."""
    words = re.sub(r"\s+", "|", words.strip()).replace("_", "[ -]").replace("*", r"\w*")
    return rf"\b(?:{words})(?!\w)"


# ---- Units ----

UNITS = "one|two|three|four|five|six|seven|eight|nine"
TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
NUMBER = (
    rf"(?:\d[\d,.]{{0,9}}k?|(?:{TENS})(?:[ -](?:{UNITS}))?|{TEENS}|{UNITS}|(?:an? (?:even )?)?(?:hundred|thousand))"
)
CURRENCIES = (
    r"(?:dollars?|usd|aud|cad|euros?|eur|bucks|pounds?|gbp|quid|cents|rupees|inr|yen|jpy|francs|chf|kroner|kronor|"
    r"pesos|reais|rand|zloty|lira|tenner|fiver)"
)
MONEY = (
    rf"[$\u20ac\u00a3\u00a5\u20b9]\s?\d|\b{NUMBER} ?[$\u20ac\u00a3\u00a5\u20b9]|\b{NUMBER} ?{CURRENCIES}\b|"
    rf"\b(?:chf|usd|eur|gbp|inr|rs\.?) ?\d|\ba (?:tenner|fiver)\b|\b\d{{1,5}}[.,](?:99|95|90|49|50|00)\b"
)
# A number that is of nothing else: "make it 29", "29 a month", "from 10 to 15".
BARE_PRICE = (
    rf"\b{NUMBER} ?(?:a|per|/|each|every) ?(?:mo|month|year|yr|quarter|seat|member|person|head|annum)\b|"
    rf"\b{NUMBER} (?:monthly|yearly|annually|for the (?:year|month))\b|\bgo(?:es)? free\b"
)
PLAIN_NUMBER = rf"{NUMBER}(?![\w/:+-])(?=\W*$|[,.;!]|\)| and\b| it\b| then\b| for\b| to {NUMBER}| flat\b)"
MOVED_TO = (
    rf"\b(?:make|call|put|set|keep|take|leave|bump|rais|lower|drop|cut|round|go|stay|hold|land|settl|agre|decid|"
    rf"number|"
    rf"figure|it|them|that|charg|ask)(?:e|ed|es|s|ing|ping|pping|tting)?(?:'s| is| are)? "
    rf"(?:(?:it|that|them|up|down|back|with|for|on|an|even|just) ){{0,3}}(?:to |at |from |of )?{PLAIN_NUMBER}"
)
MONTHS = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
)
DAYS = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tue|tues|wed|thu|thurs|fri|sat|sun)"
SEASONS = (
    r"(?:spring|summer|autumn|fall|winter|new year'?s?|black friday|christmas|xmas|easter|halloween|ramadan|diwali|"
    r"thanksgiving|valentine'?s)"
)
NTH = r"\d{1,2}(?:st|nd|rd|th)|(?:first|second|third|fourth|last) (?:day|week|weekend|half)"
WHEN = (
    rf"(?:{MONTHS}\.? (?:the )?\d{{1,2}}(?:st|nd|rd|th)?|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTHS}|"
    rf"\d{{1,2}}[/.]\d{{1,2}}(?:[/.]\d{{2,4}})?(?![\d%])|\d{{4}}-\d\d-\d\d|the (?:{NTH})|q[1-4]|"
    rf"(?:next|this|coming) (?:week|month|year|quarter|weekend|{DAYS}|{MONTHS}|{SEASONS})|tomorrow|tonight|today|"
    rf"in (?:about |exactly )?(?:an?|{NUMBER}) (?:days?|weeks?|months?|year)|(?:two|three|four|a) weeks? from|"
    rf"(?:end|start|beginning|middle|mid|early|late) (?:of |in )?(?:the )?(?:{MONTHS}|{SEASONS}|month|year|week|"
    rf"quarter)|mid-?{MONTHS}|(?:first|second|third|last) {DAYS}|"
    rf"(?:{NUMBER}|an?) (?:days?|weeks?|months?) from (?:now|today)|(?:{MONTHS}|{DAYS}|{SEASONS}) it (?:is|will)|"
    rf"it's (?:{MONTHS}|{DAYS}|{SEASONS})|"
    rf"(?:by|on|in|to|until|till|before|after|from|for|this) (?:the )?(?:{DAYS}|{MONTHS}|{SEASONS}))\b"
)
OPENING = listed(
    "big_day day_one days_to give_it launch* open opens opening start starts starting begin begins beginning "
    "releas* ship ships shipping going_live "
    "go_live goes_live live deadline beta pilot presale pre_sale pre_launch pre_sell* enrol* doors kick_off "
    "kicks_off "
    "kicking_off kickoff countdown announce* waitlist wait_list waiting_list early_access teaser date d_day moving "
    "moved push* pull* bring* launch_day opening_day postpon* ready up_by out_by soft_launch debut* go_time "
    "grand_opening sign_ups pre_orders new_date sign_up close closes "
    "founding_round public"
)
LANGUAGES = (
    r"(?:english|spanish|french|german|italian|portuguese|dutch|polish|hindi|arabic|japanese|korean|turkish|swedish|"
    r"welsh|irish|swahili|urdu|russian|mandarin|chinese)"
)

# ---- Platforms ----

PLATFORMS = listed(
    "discord circle skool slack mighty_networks? patreon substack beehiiv ghost kajabi teachable thinkific "
    "podia gumroad "
    "whatsapp telegram notion wordpress webflow shopify stripe paypal convertkit mailchimp memberful geneva "
    "discourse "
    "lemon_?squeezy ko-fi kofi buy_me_a_coffee heartbeat squarespace wix carrd airtable bettermode udemy "
    "skillshare maven "
    "bluesky reddit google_groups google_meet google_classroom flarum whop locals circle.so facebook_groups? "
    "youtube_memberships signal matrix mastodon zulip tribe hivebrite disciple uscreen payhip sellfy nas.io "
    "stan_store "
    "fanfix steady moodle canvas systeme.io systeme clickfunnels outseta memberstack softr campfire guilded "
    "microsoft_teams "
    "basecamp buddyboss learndash phpbb vbulletin nodebb xenforo rocket.chat mattermost band viber wechat "
    "line_app kit "
    "buttondown mailerlite ghost.org medium_partner locals.com floatplane nebula vimeo_ott passion.io graphy ning "
    "hubspot framer bubble"
)
MEDIA = listed(
    "youtube instagram tiktok facebook fb twitter linkedin twitch zoom spotify medium vimeo email e_mail imessage"
)
# An unknown name after a verb of putting things somewhere. Lower case does not matter elsewhere; here it does.
UNKNOWN_PLATFORM = (
    r"\b(?:build|built|building|host|hosts|hosted|hosting|run|runs|running|move|moves|moving|moved|go|going|goes|put|"
    r"putting|live|lives|living|switch|switching|use|using|migrat\w*|stick|sticking|set up|setting up|land(?:ed)?|"
    r"stay|staying|home is|signed up|signing up|sign up|picked|chose|choose|chosen|settled)\b.{0,25}? ?"
    rf"\b(?:on|onto|over|to|with|using|for|use|picked|chose|choose|chosen|is) (?!(?i:i|we|my|our|the|vips?|q[1-4]|"
    rf"{MONTHS}|{DAYS}|{SEASONS}|{LANGUAGES})\b)(?-i:[A-Z][a-zA-Z0-9]{{2,20}})\b"
)

TOPICS: dict[str, list[tuple[int, re.Pattern[str]]]] = {
    "pricing": [
        (
            4,
            any_of(
                rf"(?<!spend )(?<!spent )(?<!invest )(?<!invested )(?<!earn )(?<!earned )(?<!make )(?:{MONEY})",
                BARE_PRICE,
                r"\b(?:is|are|stays?|remains?|will be) (?:always |totally |completely )?(?:free|paid)\b(?! (?:on|"
                r"to|this|at)\b)",
                MOVED_TO,
            ),
        ),
        (
            3,
            any_of(
                listed(
                    "price prices priced pricing charge charges charging charged undercharging discount* "
                    "free_trial trial "
                    "trials paywall* coupon* promo_code* early_bird lifetime_access lifetime_deal "
                    "lifetime_membership "
                    "lifetime_lock refund* money_back fee fees pay_what_* half_price half_off full_price months_free "
                    "month_free month_for_free payment payments payment_plan installments instalments "
                    "scholarship* rate "
                    "rates old_rate billing billed subscription sliding_scale annual_only monthly_only "
                    "free_plan free_tier "
                    "freemium grandfather* vat price_tag surcharge pay_once one_time_payment free_forever no_charge "
                    "founding_price guarantee waive* price_points? first_month_free per_head"
                )
            ),
        ),
        (
            2,
            any_of(
                r"\bper (?:month|year|seat|member)\b|/ ?(?:mo|month|yr|year)\b|\b\d{1,3} ?(?:%|percent)",
                r"\b(?:is|it's|stays?|for|totally|completely) free\b|\bfree (?:for|forever|of charge)\b",
                listed(
                    "paid pay pays paying costs? cheaper annual annually yearly one_off one_time recurring "
                    "upsell bundle "
                    "founding tickets? asking raising_it first_month monthly_plan yearly_plan free money"
                ),
            ),
        ),
    ],
    "platform": [
        (4, any_of(PLATFORMS)),
        (4, any_of(rf"^\W*(?:{PLATFORMS}|{MEDIA}) for\b")),
        (3, any_of(listed("platforms? self_host*"), r"\bown (?:\w+ )?(?:website|site|app|server|domain)\b")),
        (3, re.compile(UNKNOWN_PLATFORM)),
        (
            2,
            any_of(
                MEDIA,
                listed(
                    "app portal website site domain server forum host hosted hosting migrat* switch* live_on "
                    "lives_on no_app "
                    "software tool workspace"
                ),
            ),
        ),
    ],
    "structure": [
        (
            4,
            any_of(
                listed(
                    "tier tiers level levels cohort cohorts channel channels role roles moderator* moderat* mod "
                    "mods admins? "
                    "pods chapters evergreen mastermind* inner_circle application_only applications_only application "
                    "applications apply invite_only invitation_only invitation waiting_list_only women_only men_only "
                    "adults_only members_only_area onboarding lounge alumni community_manager self_paced sub_groups "
                    "subgroups small_groups buddy buddies captain* anonymous real_names handles dms "
                    "direct_messages rooms "
                    "spaces areas ambassadors accountability membership_levels invite rings? flat region "
                    "regions adults "
                    "batch batches intake intakes one_membership open_membership gatekeep* newbies squads? "
                    "circles teams "
                    "gender* hierarchy sub_channels categories seats volunteers peer_groups hand_pick* ranks? "
                    "admission lottery mentors mentor referral* leaders? leads? closed_group 18 welcome_room "
                    "interview merge* one_for waves? keeping_it_small keep_it_small buddies hobbyists"
                ),
                r"\b(?:women|men|girls|teens|parents|nurses|people|members) (?:over|under|above|below)\b",
                r"\b(?!clips|lessons|posts|guides|recordings|livestreams|videos|shorts|essays|calls|texts|"
                r"weekends|recipes|meals|episodes)(?:\w+s) only\b",
            ),
        ),
        (
            2,
            any_of(
                rf"\b(?:cap(?:ped|ping)?|limit(?:ed|ing)?|max(?:imum)?|keep\w* it (?:to|at|under)|at most|no more "
                rf"than)\b"
                rf".{{0,30}}\b{NUMBER}\b|\b{NUMBER} (?:people|members|seats|places|spots|persons|women|men)\b",
                listed(
                    "group groups structure* format organis* organiz* split sorted divided sections separate* "
                    "members "
                    "everyone everybody newcomers newcomer each_member each_newcomer people join joins queue "
                    "seats hall room "
                    "classroom newbie* admit admission let_in vet vetted places spots membership rule rules "
                    "beginners_and "
                    "capped cap grouped by_country by_region doors_stay closed_group"
                ),
            ),
        ),
    ],
    "timeline": [
        (1, any_of(OPENING)),
        (
            3,
            any_of(
                listed(
                    "launch_date launch_day opening_date opening_day opening_night deadline timeline postpon* delay* "
                    "soft_launch countdown pilot go_live going_live kickoff kick_off presale d_day start_date "
                    "bringing_it_forward bring_it_forward push_it_back pushing_it_back launch_week later_date "
                    "earlier_date"
                ),
                r"\b(?:push|bring|mov|pull)\w* (?:\w+ ){0,4}(?:back|forward|up|out)\b",
            ),
        ),
        (2, any_of(rf"\b{WHEN}")),
        (
            1,
            any_of(
                listed(
                    "launch launches launching opening open opens start starts begins schedule waitlist beta "
                    "date early_access"
                )
            ),
        ),
    ],
    "content": [
        (
            4,
            any_of(
                listed(
                    "content post posts posting video videos podcast podcasts podcasting episode episodes "
                    "tutorial tutorials "
                    "article articles essay essays blog blogs vlog vlogs interviews interview case_study "
                    "case_studies shorts "
                    "reel reels worksheet* newsletter newsletters templates carousel carousels ebook e_book "
                    "livestream* "
                    "streams streaming q&a q&as ama amas workshop* documentary series audio subtitles lesson lessons "
                    "curriculum live_call live_calls office_hours weekly_calls weekly_call calls live_sessions "
                    "live_session "
                    "breakdowns critique critiques sprints (?<!off-)topic (?<!off-)topics theme themes niche "
                    "niching on_camera teardown* masterclass* "
                    "recording recordings voice_notes challenge challenges sheet_music book_club recipes recipe "
                    "unit module "
                    "modules guide guides webinar* zine magazine issues prompt prompts quiz quizzes replay replays "
                    "live_coding checklists? cheat_sheets? infographics? photo_contest digest captions? clips? "
                    "diary skills question_of_the_day round_up roundup transcripts? "
                    "demos meditation* exercises meetups? slides threads memes hot_seats? long_form short_form"
                ),
                rf"\bin {LANGUAGES}\b",
            ),
        ),
        (
            2,
            any_of(
                listed(
                    "focus* cover* deep_on deep_into speciali* concentrat* answer* questions printed teach "
                    "teaches teaching film films filming filmed record records recording write writes "
                    "writing written edit* publish* stories beginners weekly daily fortnightly biweekly "
                    "bi_weekly every_week "
                    "every_day every_morning every_weekday twice_a_week twice_a_month once_a_week each_week "
                    "a_week each_month "
                    "every_month every_other_week behind_the_scenes on_camera about photo* text draw* course "
                    "subject minutes "
                    "print long pages"
                ),
                rf"\bevery (?:other )?(?:{DAYS})\b|\b{DAYS}s\b",
            ),
        ),
    ],
}
FAINT = 2
"""Points below which a sentence is about nothing."""


def score(text: str) -> dict[str, int]:
    """How much a text is about each category, those that it is not about left out."""
    scores = {
        category: sum(weight for weight, pattern in topics if pattern.search(text))
        for category, topics in TOPICS.items()
    }
    return {category: points for category, points in scores.items() if points >= FAINT}


# ---- How much of a few words is of these classes ----

FILLERS = listed(
    "a an the this that it is its our my for and with of at on in to from by per each every all no not only "
    "just so then "
    "right ok okay yes yep yeah yup alright fine done final sold deal max tops flat more less than until through "
    "definitely please pls about up out us me new one_more well alright great perfect first other both nothing "
    "else max "
    "forever life now instead over off"
)
KNOWN = re.compile(
    "(?i)"
    + "|".join(
        pattern.pattern.removeprefix("(?i)")
        for topics in TOPICS.values()
        for weight, pattern in topics
        if "(?-i" not in pattern.pattern
    )
    + rf"|{WHEN}|\b{NUMBER}\b|{OPENING}|\b{MONTHS}\b|\b{DAYS}s?\b|\b{SEASONS}\b|{FILLERS}"
)


def share_known(text: str) -> float:
    """The share of its words that belong to some class."""
    count = len(text.split())
    unknown = [word for word in KNOWN.sub(" ", text).split() if any(letter.isalnum() for letter in word)]
    return 1 - len(unknown) / count if count else 0.0


HURRIED_WORDS = (
    "i'm i've don't won't can't didn't isn't aren't that's let's wouldn't haven't it'll they've we've there's what's "
    "couldn't shouldn't doesn't wasn't you're they're"
)
SPELT_OUT = {name.replace("'", ""): name for name in HURRIED_WORDS.split()}
HURRIED = re.compile(
    rf"(?i)\b(?:{'|'.join(SPELT_OUT)})\b|\bits (?=gonna|going|settled|decided|final|official|done|a go|not|\d)|"
    r"\bill (?=[a-z])"
)


def spelt_out(text: str) -> str:
    """With the apostrophes that people in a hurry leave out."""
    return HURRIED.sub(lambda found: _spelt(found[0]), text.replace("\u2019", "'"))


def _spelt(word: str) -> str:
    known = {"its ": "it's ", "ill ": "I'll "}
    return SPELT_OUT.get(word.lower()) or known[word.lower()]

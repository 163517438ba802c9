"""A stand-in for Anthropic's API and OpenAI's chat completions: a process of its own on loopback, with its own bill.

    python -m assistants.tests.standin --port 0        prints {"port": N} when it is ready

It shares no code with the product: what it counted is the second opinion that the ledger is held against. Tests
begin with `assistants.tests.standin.client.start()`.

It is told what to do by directives in the text of the last user message, so that they survive any gateway. All
`[[...]]` groups of that message are read together; an unknown directive is answered with 400.

    [[tokens=200 gap=5 first=20]]     output tokens wanted, ms before each delta, ms before anything is sent
    [[seed=7]]                        another text, and another way of cutting it into events
    [[say=...]]                       exactly this text (up to the closing brackets; a group of its own)
    [[thinking=40]]                   so many tokens of thinking, where the request enables it (20 otherwise)
    [[tool=get_weather]]              call this tool, with an input made from its schema
    [[stop=refusal]]                  end with this stop reason
    [[tag=abc]]                       find the call on the bill

    [[status=429]]                    refuse: any of 400 401 402 403 404 413 429 500 504 529
    [[status=429 retry_after=30]]     `retry-after` of a 429 or 529, in seconds (0 otherwise)
    [[break=error after=5]]           break off after 5 deltas:
        error    an `overloaded_error` event, then the end         cut      the end, without message_stop
        reset    a TCP reset                                       garbage  a data line that is not JSON, then the end
        silence  nothing more, the connection stays open           hang     no answer at all (`after` does not matter)
    [[times=1 tag=abc]]               the failure above is for the first N calls bearing the tag only
    [[on=claude-opus-5-5]]            the failure above is for this model only

    [[cache_read=1000 cache_write=500 cache_write_1h=100]]    cache counts of the prompt, beside `input_tokens`
    [[unreported=1]]                  say nothing of what it took (chat completions)
    [[over=50]]                       REPORT 50 output tokens more than max_tokens: an overrun
"""

"""A QuickBooks Desktop and a Web Connector that need no Windows.

Tenants try an export here before they connect, and every test of the hub talks to
this instead of the real ones. It speaks to the hub over SOAP and HTTP only, so it
imports nothing of it but the pure floor. The rooms, from the ground up:

* on disk       ``file`` (SQLite), ``deletions``, ``lists``, ``transactions``, ``links``, ``message_sets``,
                ``chart`` (what a new company holds), ``company`` (the company file: all of them)
* one change    ``accounts``, ``additions`` (the other lists), ``customers``, ``sales``, ``payments``,
                ``refunds``, ``checks``, ``journal``, ``removal``; ``names``, ``currencies``,
                ``references`` and ``refusals`` say no as QuickBooks does; ``people`` ask nobody
* one question  ``queries``, ``spans`` (of time), ``iterators``, ``about``
* answers       ``answer`` (the text), ``characters``, ``list_answers``, ``transaction_answers`` (the ``Ret``\\ s)
* the program   ``quickbooks`` (the request processor), ``reading``, ``faults`` and ``hresults``
                (what goes wrong with it)
* the courier   ``qwc`` (the file a tenant downloads), ``envelope`` and ``service`` (SOAP over
                HTTP), ``calls``, ``transcript``, ``update_session``, ``outcome``, ``webconnector``
* the proof     ``books``: trial balance, counts, customer balances; ``bulk`` fills a file quickly;
                ``scratch`` is a dry run in a file of its own
"""

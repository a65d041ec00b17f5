"""The first file: pages in nine languages, stored the way Common Crawl stores them."""

from __future__ import annotations

from samples import articles as words
from samples.layouts import COMMENT, CSS, IE_COMMENT, QUOTED, SCRIPT, TYPED, a, article, html, menu
from samples.markup import document, el, raw
from samples.model import Entry
from samples.sites import (
    AKHBAR,
    BLOG,
    BOOKS,
    DIARIO,
    GREEK,
    JOURNAL,
    MUSEUM,
    NEWS,
    NOVOSTI,
    ORG,
    SHINBUN,
    SHOP,
    WWW,
    XINWEN,
    ZEITUNG,
)

HOME = html(
    WWW,
    "/",
    document(
        "en",
        raw("Example & <b>friends</b>", "Example & <b>friends</b>"),
        COMMENT,
        el("header", {}, el("img", {"src": "/logo.png", "alt": "logo > name"}), el("h1", {}, "Example & friends")),
        SCRIPT,
        QUOTED,
        el("p", {}, "Stories from ", el("em", {}, "nine"), " languages,", el("br"), "one of them yours."),
        menu(
            a("/lighthouse", WWW, "The lighthouse"),
            a("bakery?from=home&lang=en", WWW, "The bakery"),
            a("//blog.example.co.uk/clock", BLOG, "The clock"),
            a("https://news.example.org/rain", NEWS, "Rain", rel="nofollow"),
            a("#top", WWW, "Top"),
            a("mailto:editor@example.com", None, "Write to us"),
            a("javascript:void(0)", None, "Do nothing"),
        ),
        el(
            "form",
            {"action": "/search", "method": "get"},
            el("input", {"name": "q"}),
            TYPED,
            el("button", {}, "Search"),
        ),
        IE_COMMENT,
        head=(
            el("meta", {"name": "description", "content": 'Stories <em>with</em> & without "quotes"'}),
            el("link", {"rel": "canonical", "href": "https://www.example.com/"}),
            el("script", {"src": "/app.js"}),
            CSS,
        ),
    ),
    "eng",
)

BASED = html(
    ORG,
    "/maps/old/index.html",
    document(
        "en",
        "Links under a base",
        el("p", {}, "Every relative link of this page belongs to another host."),
        menu(
            a("map-1890.html", MUSEUM, "Map of 1890"),
            a("../index.html", MUSEUM, "All maps"),
            a("/visit", MUSEUM, "Visit"),
            a("#legend", MUSEUM, "Legend"),
            a("https://example.org/", ORG, "Back"),
            a("//shop.example.co.uk/maps", SHOP, "Buy a print"),
            a("HTTP://WWW.EXAMPLE.COM:80/lighthouse", WWW, "The lighthouse"),
            a("ftp://museum.example/maps.tar", None, "All scans"),
        ),
        head=(el("base", {"href": "http://museum.example/maps/"}),),
    ),
    "eng",
)

PRICES = html(
    SHOP,
    "/maps",
    document(
        "en",
        "Prints and prices",
        el(
            "TABLE",
            {"CLASS": "prices"},
            el(
                "TBODY",
                {},
                el("TR", {}, el("TH", {}, "Print"), el("TH", {}, "Price")),
                el("TR", {}, el("TD", {}, "Harbour, 1890"), el("TD", {}, "£12")),
                el("TR", {}, el("TD", {}, "River, 1911"), el("TD", {}, "£9 < last year")),
            ),
        ),
        el("P", {}, el("A", {"HREF": "/basket", "REL": "nofollow"}, "Basket", to="shop.example.co.uk")),
        el(
            "P",
            {},
            el("A", {"HREF": "https://example.org/maps/old/index.html"}, "Where they come from", to="example.org"),
        ),
        upper=True,
    ),
    "eng",
)

BOTH = html(
    ZEITUNG,
    "/zweisprachig",
    document(
        "de",
        "Zwei Sprachen auf einer Seite",
        el("div", {"lang": "de"}, *(el("p", {}, line) for text in words.GERMAN[:2] for line in text.paragraphs)),
        el("div", {"lang": "en"}, el("p", {}, words.ENGLISH[5].paragraphs[0])),
        menu(a("/", ZEITUNG, "Start"), a("http://bücher.example/laden", BOOKS, "Laden")),
    ),
    "deu",
    "eng",
)

ENTRIES: tuple[Entry, ...] = (
    HOME,
    article(
        WWW, "/lighthouse", "en", words.ENGLISH[0],
        a("/", WWW, "Home"), a("https://example.org/", ORG, "Maps"),
    ),
    article(
        WWW, "/bakery?from=home&lang=en", "en", words.ENGLISH[1],
        a("/", WWW, "Home"), a("https://shop.example.co.uk/bread", SHOP, "Order bread"),
    ),
    article(
        BLOG, "/clock", "en", words.ENGLISH[2],
        a("/", BLOG, "Blog"), a("https://www.example.com/", WWW, "Example"),
        a("https://www.example.com/lighthouse", WWW, "The lighthouse"),
    ),
    article(ORG, "/", "en", words.ENGLISH[3], a("maps/old/index.html", ORG, "Old maps")),
    article(
        NEWS, "/rain", "en", words.ENGLISH[4],
        a("https://example.org/", ORG, "Maps"), a("https://noticias.diario.example/", DIARIO, "Spanish"),
    ),
    article(NEWS, "/umbrellas", "en", words.ENGLISH[5], a("rain", NEWS, "Rain")),
    BASED,
    PRICES,
    article(
        ZEITUNG, "/", "de", words.GERMAN[0],
        a("/garten", ZEITUNG, "Garten"), a("https://journal.example/", JOURNAL, "Auf Französisch"),
    ),
    article(ZEITUNG, "/garten", "de", words.GERMAN[1], a("./", ZEITUNG, "Start")),
    article(BOOKS, "/laden", "de", words.GERMAN[2], a("/regal/%C3%BC", BOOKS, "Regal Ü")),
    article(BOOKS, "/zug", "de", words.GERMAN[3], a("http://bücher.example/laden", BOOKS, "Laden")),
    BOTH,
    article(
        JOURNAL, "/", "fr", words.FRENCH[0],
        a("/ecole", JOURNAL, "L'école"), a("https://www.zeitung.example/", ZEITUNG, "En allemand"),
    ),
    article(
        JOURNAL, "/ecole", "fr", words.FRENCH[1], a("/", JOURNAL, "Accueil"),
        charset="iso-8859-1", content_type="text/html; charset=ISO-8859-1",
    ),
    article(JOURNAL, "/facteur", "fr", words.FRENCH[2], a("/", JOURNAL, "Accueil")),
    article(
        DIARIO, "/", "es", words.SPANISH[0],
        a("/almendras", DIARIO, "Almendras"), a("https://news.example.org/rain", NEWS, "Lluvia"),
    ),
    article(DIARIO, "/almendras", "es", words.SPANISH[1], a("/", DIARIO, "Portada")),
    article(DIARIO, "/relojes", "es", words.SPANISH[2], a("https://blog.example.co.uk/clock", BLOG, "Otro reloj")),
    article(
        NOVOSTI, "/", "ru", words.RUSSIAN[0], a("/museum", NOVOSTI, "Музей"),
        charset="windows-1251", content_type="text/html; charset=windows-1251",
    ),
    article(NOVOSTI, "/museum", "ru", words.RUSSIAN[1], a("/", NOVOSTI, "Главная")),
    article(NOVOSTI, "/market", "ru", words.RUSSIAN[2], a("https://xinwen.example/", XINWEN, "Китайский рынок")),
    article(GREEK, "/", "el", words.GREEK_TEXTS[0], a("/elies", GREEK, "Ελιές")),
    article(GREEK, "/elies", "el", words.GREEK_TEXTS[1], a("https://παράδειγμα.example/", GREEK, "Αρχή")),
    article(GREEK, "/scholeio", "el", words.GREEK_TEXTS[2], a("/", GREEK, "Αρχή")),
    article(
        SHINBUN, "/", "ja", words.JAPANESE[0], a("/neko", SHINBUN, "図書館の猫"),
        a("https://xinwen.example/", XINWEN, "中国語"),
    ),
    article(SHINBUN, "/neko", "ja", words.JAPANESE[1], a("/", SHINBUN, "トップ")),
    article(
        SHINBUN, "/yuki", "ja", words.JAPANESE[2], a("/", SHINBUN, "トップ"),
        charset="shift_jis", content_type="text/html; charset=Shift_JIS",
    ),
    article(XINWEN, "/", "zh", words.CHINESE[0], a("/tianwen", XINWEN, "天文台")),
    article(XINWEN, "/tianwen", "zh", words.CHINESE[1], a("https://shinbun.example/", SHINBUN, "日语")),
    article(XINWEN, "/zhongbiao", "zh", words.CHINESE[2], a("/", XINWEN, "首页")),
    article(AKHBAR, "/", "ar", words.ARABIC[0], a("/qahwa", AKHBAR, "قهوة الصباح")),
    article(AKHBAR, "/qahwa", "ar", words.ARABIC[1], a("/", AKHBAR, "الرئيسية")),
    article(AKHBAR, "/zaytun", "ar", words.ARABIC[2], a("https://xn--hxajbheg2az3al.example/elies", GREEK, "اليونان")),
)  # fmt: skip

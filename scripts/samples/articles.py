"""Short texts in nine languages, written for these samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Article:
    """A title and its paragraphs."""

    title: str
    paragraphs: tuple[str, ...]


ENGLISH = (
    Article(
        "The lighthouse keeper counts ships",
        (
            "Every evening the keeper climbs ninety-one steps and writes the name of each ship into a blue notebook.",
            "In forty years she has filled two hundred notebooks.",
            "Nobody asked her to, and the harbour office could not do without them.",
        ),
    ),
    Article(
        "A bakery that opens at midnight",
        (
            "The ovens on Mill Street are lit at ten, and the first loaves leave by the side door two hours later.",
            "Bus drivers, nurses and the night porter know the price of rye bread better than the price of petrol.",
            "“We don't sell cake,” says the baker; “cake can wait until morning.”",
        ),
    ),
    Article(
        "Repairing the town clock",
        (
            "The clock had been four minutes slow since spring, and half the town had got used to it.",
            "When it was put right, the other half missed the bus.",
        ),
    ),
    Article(
        "How to read an old map",
        (
            "Find the river first: rivers move less than roads do.",
            "Then look for what is missing. A map of 1890 shows no station, so the street beside it has another name.",
        ),
    ),
    Article(
        "Twelve kinds of rain",
        (
            "Our weather club has agreed on twelve words for rain, from mizzle to cloudburst.",
            "Members measure at 7 a.m.; the record of 61.4 mm in one night has stood since 1987.",
        ),
    ),
    Article(
        "The library lends umbrellas",
        ("A library card now borrows an umbrella, too.", "Late umbrellas cost nothing, but it will rain on you."),
    ),
)
GERMAN = (
    Article(
        "Die Brücke wird im Sommer gesperrt",
        (
            "Vom ersten Juni an ist die alte Brücke für Autos gesperrt; Fußgänger dürfen sie weiter benutzen.",
            "Die Stadt rechnet mit fünf Monaten Bauzeit und größeren Umwegen für Lastwagen.",
        ),
    ),
    Article(
        "Ein Garten auf dem Dach",
        (
            "Über der Bücherei wachsen jetzt Äpfel, Kräuter und ein wenig Übermut.",
            "Wer gießen möchte, trägt sich in die Liste neben dem Fahrstuhl ein.",
        ),
    ),
    Article(
        "Gebrauchte Bücher, neu sortiert",
        (
            "Unser Laden ordnet die Bücher seit Januar nach der Farbe des Himmels, unter dem sie spielen.",
            "Das klingt verrückt, aber die Krimis stehen schön beisammen: Es regnet ja immer.",
        ),
    ),
    Article(
        "Der Zug nach Süden",
        ("Um sechs Uhr zwölf fährt der erste Zug nach Süden.", "Wer ihn verpasst, frühstückt und bereut es selten."),
    ),
)
FRENCH = (
    Article(
        "Le marché du samedi déménage",
        (
            "À partir du mois prochain, le marché s'installera sous les platanes, derrière la mairie.",
            "Les fromagers sont ravis ; les pêcheurs, eux, regrettent déjà l'ombre fraîche du vieux hangar.",
        ),
    ),
    Article(
        "Une école où l'on répare",
        (
            "Chaque jeudi, les élèves apportent un objet cassé et repartent avec une idée, parfois même avec l'objet.",
            "La leçon préférée reste celle du grille-pain.",
        ),
    ),
    Article(
        "Le dernier facteur à vélo",
        ("Il connaît les chiens par leur nom et les côtes par leur pente.", "L'hiver n'est qu'une question de gants."),
    ),
)
SPANISH = (
    Article(
        "El tranvía vuelve al puerto",
        (
            "Después de treinta años, el tranvía volverá a bajar hasta el puerto esta primavera.",
            "¿Quién pagará el billete? El ayuntamiento promete que los niños viajarán gratis.",
        ),
    ),
    Article(
        "La cosecha de almendras",
        (
            "Este año las almendras llegaron pronto y los vecinos salieron al campo antes del amanecer.",
            "Mañana habrá música, pan y aceite para todos en la plaza.",
        ),
    ),
    Article(
        "Un museo de relojes sin hora",
        ("Ninguno de los trescientos relojes funciona, y por eso nadie llega tarde a la visita.",),
    ),
)
RUSSIAN = (
    Article(
        "Ночной поезд на север",
        (
            "Поезд отходит в полночь, и проводница сразу приносит чай в тонких стаканах.",
            "Утром за окном уже снег, а газеты в вагоне всё ещё вчерашние.",
        ),
    ),
    Article(
        "Музей старых писем",
        (
            "В двух комнатах собрано четыре тысячи писем, и каждое из них дошло до адресата.",
            "Посетителей просят читать шёпотом.",
        ),
    ),
    Article(
        "Рынок открылся раньше обычного",
        ("Продавцы говорят, что весна поторопилась: редис, лук и первые тюльпаны лежат рядом на одном прилавке.",),
    ),
)
GREEK_TEXTS = (
    Article(
        "Το καράβι της Πέμπτης",
        (
            "Κάθε Πέμπτη το μικρό καράβι φέρνει ψωμί, εφημερίδες και δύο ή τρεις επισκέπτες στο νησί.",
            "Όταν φυσάει βοριάς, το ψωμί έρχεται την Παρασκευή.",
        ),
    ),
    Article(
        "Ελιές και ιστορίες",
        (
            "Οι γεροντότεροι του χωριού μετρούν τα χρόνια με τις σοδειές της ελιάς.",
            "Φέτος, λένε, ήταν η χρονιά με το πολύ λάδι και τα λίγα λόγια.",
        ),
    ),
    Article(
        "Ένα σχολείο με δώδεκα παιδιά",
        ("Η δασκάλα διδάσκει έξι τάξεις σε μία αίθουσα και η σόμπα ζεσταίνει μόνο τις μισές.",),
    ),
)
JAPANESE = (
    Article(
        "朝一番の豆腐屋",
        (
            "駅前の豆腐屋は、朝四時に明かりをつけて仕事を始めます。",
            "寒い日には、温かい豆乳を飲むために学生たちが列を作ります。",
        ),
    ),
    Article(
        "図書館の猫",
        (
            "図書館の猫は三階の窓辺で昼寝をするのが好きです。",
            "猫を起こした人は、本を一冊読まなければなりません。",
        ),
    ),
    Article("雪の日の電車", ("大雪のため、電車は二時間遅れました。駅員は温かいお茶を配り、誰も怒りませんでした。",)),
)
CHINESE = (
    Article(
        "河边的早市",
        (
            "天还没亮,河边的早市已经热闹起来了。",
            "卖菜的老人说,今年的白菜比去年便宜一半。",
        ),
    ),
    Article(
        "山上的天文台",
        (
            "天文台建在海拔两千米的山上,晚上可以看到银河。",
            "每逢周末,孩子们排队用望远镜看月亮和土星。",
        ),
    ),
    Article("修钟表的师傅", ("他的店只有三平方米,墙上挂着一百只钟,每只钟的时间都不一样。",)),
)
ARABIC = (
    Article(
        "سوق الكتب القديمة",
        (
            "يفتح سوق الكتب القديمة أبوابه كل يوم جمعة قرب الجسر الحجري.",
            "يقول البائع إن أجمل الكتب هي التي كتب أصحابها أسماءهم على صفحتها الأولى.",
        ),
    ),
    Article(
        "قهوة الصباح",
        (
            "يجتمع الصيادون في المقهى الصغير قبل شروق الشمس.",
            "لا يتحدثون كثيرا، فالبحر يسمع كل شيء.",
        ),
    ),
    Article("شجرة الزيتون", ("عمر هذه الشجرة أكثر من ألف سنة، وما زالت تعطي الزيتون كل خريف.",)),
)

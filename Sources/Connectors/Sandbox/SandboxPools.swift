/// Names that the made-up data is drawn from.
enum SandboxPools {
    static let firstNames = [
        "Adaeze", "Adebayo", "Aisha", "Amaka", "Aminu", "Ayodele", "Babatunde", "Bukola", "Chiamaka", "Chidi",
        "Chinedu", "Chioma", "Damilola", "Ebere", "Efosa", "Emeka", "Esther", "Fatima", "Folake", "Funmilayo", "Halima",
        "Ibrahim", "Ifeanyi", "Ikenna", "Ishaya", "Kelechi", "Kemi", "Mariam", "Musa", "Ngozi", "Nkechi", "Obinna",
        "Olamide", "Oluwaseun", "Osagie", "Rukayat", "Sade", "Sani", "Segun", "Tamuno", "Temitope", "Tunde", "Uche",
        "Usman", "Yakubu", "Yetunde", "Zainab",
    ]
    static let lastNames = [
        "Abdullahi", "Abubakar", "Adeleke", "Adeyemi", "Afolabi", "Agbaje", "Akande", "Akpan", "Alabi", "Anyanwu",
        "Ayeni", "Bako", "Balogun", "Bassey", "Bello", "Danjuma", "Dikko", "Edet", "Ekwueme", "Eze", "Garba", "Ibe",
        "Igwe", "Ikpeazu", "Iwu", "Lawal", "Madu", "Mohammed", "Nwachukwu", "Nwosu", "Obi", "Odukoya", "Ogunleye",
        "Okafor", "Okeke", "Okonkwo", "Okoro", "Oladipo", "Onyeka", "Osinowo", "Oyelaran", "Salami", "Suleiman",
        "Tijani", "Udo", "Umeh", "Yusuf",
    ]
    static let companies = [
        "ADUNNI FOODS LTD", "BLUE NIGER LOGISTICS", "CEDAR HEALTHCARE LTD", "DELTA AGRO ALLIED", "EKO TEXTILES LTD",
        "FIRSTGATE MICROSYSTEMS", "GREENFIELD FARMS NIG LTD", "HARMATTAN ENERGY LTD", "IROKO MEDIA HOUSE",
        "JOS PLATEAU MINERALS", "KADA BUILDERS LTD", "LEKKI PROPERTIES LTD", "MAINLAND PHARMACY", "NORTHSTAR HAULAGE",
        "OGUN STEEL WORKS", "PALMGROVE HOTELS", "RIVERSIDE SCHOOLS", "SAHEL TRADING CO", "UNITY PRINTS LTD",
    ]
    static let shops = [
        "EBEANO SUPERMARKET LEKKI", "HUBMART STORES IKEJA", "JUSTRITE SUPERSTORE OGBA", "MEDPLUS PHARMACY SURULERE",
        "TOTAL STATION MARYLAND", "MOBIL FILLING STN YABA", "CHICKEN PALACE ALLEN", "MAMA PUT KITCHEN YABA",
        "SPAR PORT HARCOURT", "GRAND SQUARE ABUJA", "NEXT CASH AND CARRY", "SLOT SYSTEMS IKEJA",
        "AFRIKANA FABRICS KANO", "JABI LAKE MALL ABUJA", "ROYAL CAKES ENUGU", "BODIJA MARKET IBADAN",
    ]
    static let sites = [
        "JUMIA.COM.NG", "KONGA.COM", "BOLT.EU", "UBER TRIP", "NETFLIX.COM", "SPOTIFY", "ARIKAIR.COM", "BETTALK.NG",
        "AMAZON PRIME", "APPLE.COM/BILL", "GOOGLE PLAY", "GIGM.COM",
    ]
    static let networks = ["MTN", "AIRTEL", "GLO", "9MOBILE"]
    static let towns = [
        "IKEJA", "LEKKI", "YABA", "SURULERE", "APAPA", "GARKI ABUJA", "WUSE ABUJA", "PORT HARCOURT", "IBADAN", "KANO",
        "ENUGU", "BENIN", "KADUNA", "ABA",
    ]
    static let wallets = ["OPAY", "PALMPAY", "MONIEPOINT", "KUDA", "PAGA"]
    static let banks = [
        "ACCESS", "ECOBANK", "FCMB", "FBN", "GTB", "STANBIC", "STERLING", "UBA", "UNION", "WEMA", "ZENITH",
    ]
    static let ussd = ["*737*", "*894*", "*919*", "*966*", "*901*"]
    static let discos = ["EKEDC", "IKEDC", "AEDC", "IBEDC", "PHED", "KEDCO"]
    static let purposes = [
        "rent", "school fees", "feeding", "upkeep", "transport", "contribution", "family support", "goods", "repairs",
        "birthday", "ajo", "part payment", "invoice", "fuel",
    ]
    static let states = [
        "Lagos", "Ogun", "Oyo", "Kano", "Kaduna", "Rivers", "Enugu", "Anambra", "Delta", "Edo", "Kwara", "Abia", "Imo",
    ]
    static let streets = [
        "Allen Avenue", "Adeola Odeku Street", "Awolowo Road", "Ahmadu Bello Way", "Bode Thomas Street",
        "Herbert Macaulay Way", "Ogui Road", "Aba Road", "Ring Road", "Zaria Road",
    ]

    /// The usual institutions of generated customers.
    static let bankSlugs = [
        "access-bank", "ecobank-nigeria", "fidelity-bank", "first-bank-of-nigeria", "first-city-monument-bank",
        "guaranty-trust-bank", "kuda-bank", "polaris-bank", "stanbic-ibtc-bank", "sterling-bank",
        "union-bank-of-nigeria", "united-bank-for-africa", "wema-bank", "zenith-bank",
    ]
}

// Written by scripts/generate-institutions; data: see docs/connectors/institutions.md.

extension InstitutionRows {
    /// slug, Okra's id, name, CBN code, NIP code, sort code, USSD; separated by bars.
    static let part1 = #"""
5tt-microfinance-bank||5TT Microfinance Bank Limited|51455
9psb||9 PSB Ltd||120001
ab-microfinance-bank||AB Microfinance Bank Limited||090270
abbey-mortgage-bank||ABBEY MORTGAGE BANK||070010
abeg-technologies||ABEG TECHNOLOGIES LIMITED
above-only-microfinance-bank||Above Only Microfinance Bank|51204|090260
abucoop-microfinance-bank||Abucoop Microfinance Bank Limited||090424
abulesoro-microfinance-bank||Abulesoro Microfinance Bank|51312
access-bank|5d6fe57a4099cc4b210bbec0|Access Bank Plc|044|000014|044150149|*901#
access-bank-diamond||Diamond Bank Plc|063|000005|063150162|*710#
accion-microfinance-bank||Accion Microfinance Bank Limited||090134
adamawa-mortgage-bank||Adamawa Mortgage Bank Limited|90102
addosser-microfinance-bank||Addosser Microfinance Bank Limited||090160
adeyemi-college-staff-microfinance-bank||Adeyemi College Staff Microfinance Bank||090268
advancly-microfinance-bank||Advancly Microfinance Bank Limited||090759
afekhafe-microfinance-bank||Afekhafe Microfinance Bank||090292
agosasa-microfinance-bank||Agosasa Microfinance Bank Limited||090371
ahmadu-bello-university-microfinance-bank||Ahmadu Bello University Microfinance Bank Limited|50036
akuchukwu-microfinance-bank||Akuchukwu Microfinance Bank Limited||090561
al-barakah-microfinance-bank||Al-Barakah Microfinance Bank Limited|50055|090133
al-hayat-microfinance-bank||Al-Hayat Microfinance Bank||090277
alat|5d6fe57a4099cc4b210bbebe|ALAT by Wema|035|000017
alekun-microfinance-bank||Alekun Microfinance Bank Limited||090259
alert-microfinance-bank||Alert Microfinance Bank|51074|090297
all-workers-microfinance-bank||All Workers Microfinance Bank Limited|50059|090131
alpha-kapital-microfinance-bank||Alpha Kapital Microfinance Bank||090169
alpha-morgan-bank||Alpha Morgan Bank Limited|108|000041
alternative-bank||Alternative Bank Limited||000304
amac-microfinance-bank||AMAC Microfinance Bank||090394
amju-unique-microfinance-bank||AMJU-Unique Microfinance Bank Limited|50926|090180
aramoko-microfinance-bank||Aramoko Microfinance Bank Limited|50083
asset-matrix-microfinance-bank||Asset Matrix Microfinance Bank Limited|90287|090287
assets-microfinance-bank||Assets Microfinance Bank Limited|50092
astra-polaris-microfinance-bank||Astra Polaris Microfinance Bank Limited||090172
auchi-microfinance-bank||Auchi Microfinance Bank Limited||090264
b-c-kash-microfinance-bank||B C Kash Microfinance Bank|51212|090127
baines-credit-microfinance-bank||Baines Credit Microfinance bank|51229|090188
balogun-gambari-microfinance-bank||Balogun Gambari Microfinance Bank Limited||090326
banex-microfinance-bank||Banex Microfinance Bank Limited||090425
bank-of-agriculture-boa||Bank of Agriculture (BOA)|90367|090367
bank-of-industry||BANK OF INDUSTRY
bayero-university-microfinance-bank||Bayero University Microfinance Bank||090316
benysta-microfinance-bank||Benysta Microfinance Bank|51267|090413
berachah-microfinance-bank||Berachah Microfinance Bank Limited|50122
best-star-microfinance-bank||Best Star Microfinance Bank Limited|50123
bloc-microfinance-bank||Bloc Microfinance bank Limited|51411
boctrust-mfb||BOCTRUST MFB||090117
bold-microfinance-bank||Bold Microfinance bank Limited|50725
boost-microfinance-bank||Boost Microfinance Bank Limited|51449
borgu-mfb||BORGU MFB||090395
bosak-mfb||BOSAK MFB||090176
bowen-mfb||BOWEN MFB|50931|090148
brethren-mfb||BRETHREN MFB||090293
brightway-mfb||BRIGHTWAY MFB LTD||090308
cashconnect-mfb||CASHCONNECT MFB||090360
cedrus-microfinance-bank||Cedrus Microfinance Bank Limited|51437
chams-mobile||CHAMS MOBILE LIMITED||100036
chanelle-mfb||CHANELLE MFB|50171
chibueze-mfb||CHIBUEZE MFB||090416
chikum-mfb||CHIKUM MFB||090141
cit-mfb||CIT MFB||090144
citibank|611ff0ee412b11f1b2143bc5|Citibank Nigeria Limited|023|000009|023150005
city-code||CITY CODE||070027
civic-mfb||CIVIC MFB|50186
coastline-mfb||COASTLINE MFB||090374
consumer-mfb||CONSUMER MFB|50910|090130
cool-microfinance-bank||Cool Microfinance Bank Limited|51458|090842
corestep-mfb||CORESTEP MFB|50204|090365
coronation-merchant-bank||CORONATION MERCHANT BANK|559|060001
covenant-mfb||COVENANT MFB||070006
crescent-mfb||CRESCENT MFB|51297
crutech-mfb||CRUTECH MFB|50216
dash-microfinance-bank||Dash Microfinance Bank Limited|51368
davenport-microfinance-bank||Davenport Microfinance Bank Limited|51334
davodani-mfb||DAVODANI MFB||090391
daylight-mfb||DAYLIGHT MFB LTD||090167
development-bank-of||Development Bank of Nigeria PLC
e-barcs-mfb||e-BARCS MFB||090156
eagle-flight-mfb||EAGLE FLIGHT MFB||090294
ecobank-nigeria|5d6fe57a4099cc4b210bbeae|Ecobank Nigeria Plc|050|000010|050150010
edfin-mfb||EDFIN MFB||090310
ek-reliable-mfb||EK-RELIABLE MFB||090389
ekimogun-mfb||EKIMOGUN MFB|50263
ekondo-mfb||EKONDO MFB||090097
emerald-mfb||EMERALD MFB||090273
empire-trust-mfb||EMPIRE TRUST MFB||090114
eso-e-mfb||ESO-E MFB|50280|090166
etranzact-international||ETRANZACT INTERNATIONAL LIMITED
evergreen-mfb||EVERGREEN MFB||090332
excel-mfb||EXCEL MFB||090678
export-import-bank||NIGERIA EXPORT IMPORT BANK
fairmoney-mfb||FAIRMONEY MFB LTD|51318
fast-mfb||FAST MFB||090179
fbn-mortgages||FBN MORTGAGES||090107
fcmb-mfb||FCMB MFB LTD.|51241
federal-mortgage-bank-of||FEDERAL MORTGAGE BANK OF NIGERIA
federal-polytechnic-nekede-mfb||FEDERAL POLYTECHNIC, NEKEDE MFB LTD||090398
fedpoly-nasarawa-mfb||FEDPOLY NASARAWA MFB||090298
ffs-mfb||FFS MFB|51110|090153
fidelity-bank|5d6fe57a4099cc4b210bbeb0|Fidelity Bank Plc|070|000007|070150003|*770#
fidfund-mfb||FIDFUND MFB||090126
finatrust-mfb||FINATRUST MFB||090111
finca-mfb||FINCA MFB||090400
finex-mfb||FINEX MFB||090281
firmus-mfb||FIRMUS MFB|51314|090366
first-bank-of-nigeria|5d6fe57a4099cc4b210bbeb1|First Bank Nigeria Limited|011|000016|011151003|*894#
first-city-monument-bank|5d6fe57a4099cc4b210bbeb2|First City Monument Bank Plc|214|000003|214150018|*329#
first-option-mfb||FIRST OPTION MFB|50934|090285
first-royal-mfb||FIRST ROYAL MFB||090164
fortis-mobile-money||FORTIS MOBILE MONEY LIMITED
fsdh-merchant-bank-limited||FSDH MERCHANT BANK|501|400001
fullrange-microfinance-bank||Fullrange Microfinance Bank Ltd||090145
funds-and-electronic-transfer-fets||FUNDS AND ELECTRONIC TRANSFER (FETS) LIMITED
futo-mfb||FUTO MFB||090158
gashua-mfb||GASHUA MFB||090168
giginya-mfb||GIGINYA MFB||090411
girei-mfb||GIREI MFB||090186
globus|611ff0f5412b11f1b2143d9e|Globus Bank Limited|103|000027|103015001
glory-mfb||GLORY MFB|90278|090278
gmb-mfb||GMB MFB||090408
goldman-mfb||GOLDMAN MFB||090574
gombe-mfb||GOMBE MFB|90586
good-news-mfb||GOOD NEWS MFB|50739
good-shepherd-mfb||GOOD SHEPHERD MFB||090664
gowans-mfb||GOWANS MFB||090122
grants-mfb||GRANTS MFB|90335
greenville-mfb||GREENVILLE MFB||090269
greenwich-merchant-bank||GREENWICH MERCHANT BANK|562|060004
grooming-mfb||GROOMING MFB|51276|090195
gti-mfb||GTI MFB|50368|090385
guaranty-trust-bank|5d6fe57a4099cc4b210bbeb3|Guaranty Trust Bank Plc|058|000013|058152036|*737#
haggai-mortgage-bank||HAGGAI MORTGAGE BANK|90065|070017
hasal-mfb||HASAL MFB|50383|090121
headway-mfb||HEADWAY MFB LTD||090363
hedonmark-management-services||HEDONMARK MANAGEMENT SERVICES LIMITED
heritage-bank|5d6fe57a4099cc4b210bbeb4|Heritage Bank Plc|030|000020|030159992|*322#
highland-mfb||HIGHLAND MFB||090418
hopepsb||Hope PSB Ltd||120002
ibile-mfb||IBILE MFB|51244|090118
ikenne-mfb||IKENNE MFB||090324
ikire-mfb||IKIRE MFB||090279
ikoyi-osun-mfb||IKOYI-OSUN MFB|50439
ilisan-mfb||ILISAN MFB||090370
ilora-mfb||ILORA MFB||090430
imo-state-microfinance-bank||IMO STATE MICROFINANCE BANK||090258
imowo-mfb||IMOWO MFB|50453|090417
infinity-mfb||INFINITY MFB|50457|090157
infinity-trust||INFINITY TRUST||070016
irl-mfb||IRL MFB||090149
isale-oyo-mfb||ISALE OYO MFB||090377
ishie-mfb||ISHIE MFB||090428
isua-mfb||ISUA MFB||090701
izon-mfb||IZON MFB LTD||090421
jaiz-bank|5fb906f78c486a00b987ec06|JAIZ BANK PLC|301|000006|301080020|*389#
kadpoly-mfb||KADPOLY MFB|50502|090320
kcmb-mfb||KCMB MFB||090191
keystone-bank|5d6fe57a4099cc4b210bbeba|Keystone Bank Limited|082|000002|082150017|*7111#
kongapay-technologies-formerly-zinternet||KONGAPAY TECHNOLOGIES LIMITED (FORMERLY ZINTERNET LIMITED )
kontagora-mfb||KONTAGORA MFB||090299
kredi-money-mfb-formerly-conpro-mfb||KREDI MONEY MFB (Formerly CONPRO MFB)|50200
"""#
}

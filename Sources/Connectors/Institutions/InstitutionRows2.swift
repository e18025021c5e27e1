// Written by scripts/generate-institutions; data: see docs/connectors/institutions.md.

extension InstitutionRows {
    /// slug, Okra's id, name, CBN code, NIP code, sort code, USSD; separated by bars.
    static let part2 = #"""
kuda-bank|5f0cf73e8a8bcc18b8156ad7|KUDA MFB|50211|090267
la-fayette-mfb||LA FAYETTE MFB||090155
lagos-building-investment||LAGOS BUILDING & INVESTMENT|90052|070012
landgold-mfb||LANDGOLD MFB||090422
lapo-mfb||LAPO MFB||090177
legend-mfb||LEGEND MFB||090372
letshego-mfb||LETSHEGO MFB||090420
links-mfb||LINKS MFB|50549
lotus|6215fa7c6709f197ad344b8e|LOTUS BANK LTD|303|000029
lovonus-mfb||LOVONUS MFB||090265
mainland-mfb||MAINLAND MFB||090323
mainstreet-mfb||MAINSTREET MFB||090171
malachy-mfb||MALACHY MFB||090174
maritime-mfb||MARITIME MFB||090410
mayden-microfinance-bank||MAYDEN MICROFINANCE BANK|51474
mayfresh-mortgage-bank||MAYFRESH MORTGAGE BANK|90003|070019
mega-mfb||MEGA MFB|50570
megapraise-mfb||MEGAPRAISE MFB||090280
meridian-mfb||MERIDIAN MFB||090275
microvis-mfb||MICROVIS MFB||090113
midland-mfb||MIDLAND MFB||090192
mint-microfinance-bank||Mint Microfinance Bank Limited
mkudi||MKUDI LIMITED||100011
molusi-mfb||MOLUSI MFB||090362
momo-psb||MOMO PAYMENT SERVICE BANK||120003
moneymaster-psb||Moneymaster PSB Ltd||120005
moneytrust-mfb||Moneytrust MFB||090129
moniepoint||Moniepoint MFB|50515|090405
mozfin-mfb||MOZFIN MFB||090392
mutual-trust-mfb||MUTUAL TRUST MFB||090151
nagarta-mfb||NAGARTA MFB||090152
national-credit-guarantee-company||NATIONAL CREDIT GUARANTEE COMPANY LIMITED
ndiorah-mfb||NDIORAH MFB||090128
neptune-mfb||NEPTUNE MFB||090329
new-dawn-mfb||NEW DAWN MFB||090205
new-golden-pastures-mfb||NEW GOLDEN PASTURES MFB||090378
new-prudential||NEW PRUDENTIAL||090108
nigerian-consumer-credit-corporation||NIGERIAN CONSUMER CREDIT CORPORATION
nigerian-navy-mfb||NIGERIAN NAVY MFB LTD|51142|090263
nirsal-mfb||NIRSAL MFB|51304|090194
nova-bank||Nova Commercial Bank Limited|561|060003
novus-microfinance-bank||Novus Microfinance Bank Limited|51371
nownow-digital-systems-formerly-contec-global-infotech|
|NOWNOW DIGITAL SYSTEMS LIMITED (FORMERLY CONTEC GLOBAL INFOTECH LIMITED)
npf-mfb||NPF MFB|50629|070001
nwannegadi-mfb||NWANNEGADI MFB||090399
oakland-mfb||OAKLAND MFB||090437
oche-mfb||OCHE MFB||090333
ohafia-mfb||OHAFIA MFB||090119
okpoga-mfb||OKPOGA MFB||090161
olabisi-onabanjo-university-mfb||OLABISI ONABANJO UNIVERSITY MFB|50689|090272
olowolagba-mfb||OLOWOLAGBA MFB||090404
oluchukwu-mfb||OLUCHUKWU MFB|50697
omiye-mfb||OMIYE MFB||090295
opay|611ff0f9412b11f1b2143e67|OPAY MFB LIMITED||100004
optimus-bank||Optimus Bank|107|000036
pact-microfinance-bank||PACT MICROFINANCE BANK|51477
paga||PAGATECH LIMITED||100002
palmpay|611ff108412b11f1b21443ec|PALMPAY LIMITED||100033
parallex|611ff110412b11f1b2144669|Parallex Bank Ltd|104|000030
parkway-projects||PARKWAY PROJECTS LIMITED
pathfinder-mfb||PATHFINDER MFB||090680
patrickgold-mfb||PATRICKGOLD MFB|90317|090317
peace-mfb||PEACE MFB|50743|090402
pecan-trust-mfb||PECAN TRUST MFB|51226|090137
pennywise-mfb||PENNYWISE MFB||090196
personal-trust-mfb||PERSONAL TRUST MFB|51146|090135
petra-mfb||PETRA MFB||090165
pillar-mfb||PILLAR MFB||090289
platinum-mortgage-bank||PLATINUM MORTGAGE BANK||070013
polaris-bank|5d6fe57a4099cc4b210bbeb5|Polaris Bank Plc|076|000008|076151006|*833#
preeminent-mfb||PREEMINENT MFB||090412
premium-trust-bank||Premium Trust Bank|105
prestige-mfb||PRESTIGE MFB||090274
providus-bank|5d6fe57a4099cc4b210bbebf|Providus Bank|101|000023
quest-merchant-bank||QUEST MERCHANT BANK||060002
quickfund-mfb||QUICKFUND MFB|51293|090261
rahama-mfb||RAHAMA MFB||090170
rand-merchant-bank||RAND MERCHANT BANK|502|000024
randalpha||RANDALPHA||090496
regent-mfb||REGENT MFB||090125
rehoboth-mfb||REHOBOTH MFB|50761|090463||*000#
reliance-mfb||RELIANCE MFB||090173
renmoney-mfb||RENMONEY MFB|51049|090198
rephidim-mfb||REPHIDIM MFB|50994|090322
richway-mfb||RICHWAY MFB LTD.||090132
rigo-mfb||RIGO MFB|51286|090433
rockshield-mfb||ROCKSHIELD MFB|50767
royal-exchange-mfb||ROYAL EXCHANGE MFB||090138
rubies-bank|5f11487e847b28538bfc6c5f|RUBIES MFB||090175
safe-haven-mfb||SAFE HAVEN MFB|51113|090286
sagamu-mfb||SAGAMU MFB||090140
seedvest-mfb||SEEDVEST MFB||090369
shepherd-trust-mfb||SHEPHERD TRUST MFB||090401
shield-mfb||SHIELD MFB|50582
signature-bank||Signature Bank Limited|106
smartcash-psb||SMARTCASH PSB LIMITED||120004
solid-rock-mfb||SOLID ROCK MFB|50800
source-microfinance-bank||SOURCE MICROFINANCE BANK LIMITED|90641
sparkle-microfinance-bank||SPARKLE MFB|51310|090325
spectrum-mfb||SPECTRUM MFB|50756
springfield-microfinance-bank||Springfield Microfinance Bank Limited|51429
stanbic-ibtc-bank|5d6fe57a4099cc4b210bbeb6|Stanbic IBTC Bank Plc|221|000012|221159522|*909#
standard-chartered-bank|5d6fe57a4099cc4b210bbeb7|Standard Chartered Bank Nigeria Ltd.|068|000021|068150015
stateside-mfb||STATESIDE MFB|50809
stellas-mfb||STELLAS MFB||090262
sterling-bank|5d6fe57a4099cc4b210bbeb8|Sterling Bank Plc|232|000001|232150016|*822#
sulspap-mfb||SULSPAP MFB||090305
summit-bank||SUMMIT BANK LIMITED|305
sunbeam-mfb||SUNBEAM MFB||090302
suntrust|611ff0f4412b11f1b2143d6f|SunTrust Bank Nigeria Limited|100|000022
taj|611ff106412b11f1b21442e6|TAJ|302|000026
tangerine-money-microfinance-bank||Tangerine Money Microfinance Bank|51269
tatum-bank||Tatum Bank Limited|109
tcf-mfb||TCF MFB||090115
teasy-international-company||TEASY INTERNATIONAL COMPANY LTD.
tenn-microfinance-bank||Tenn Microfinance Bank Limited|51403
tf-mfb||TF MFB||090373
the-infrastructure-bank||The Infrastructure Bank
titan-trust-bank|610080715958c61031f37737|Titan Trust Bank Ltd|102|000025
top-rate-mfb||TOP RATE MFB|90801
transpay-microfinance-bank||Transpay Microfinance Bank Limited||090708
trident-mfb||TRIDENT MFB||090146
trust-mfb||TRUST MFB||090327
trustbanc-j6||TRUSTBANC J6|51118
trustbond-mortgage-bank||TRUSTBOND MORTGAGE BANK||090005
trustfund-mfb||TRUSTFUND MFB||090276
u-c-mfb||U & C MFB|50840|090315
ubj-microfinance-bank||UBJ Microfinance Bank Limited|51396
uhuru-mfb||UHURU MFB|51322
ultraviolet-microfinance-bank||Ultraviolet Microfinance Bank Limited|51080
umunnachi-mfb||UMUNNACHI MFB|51097
unaab-mfb||UNAAB MFB|50870|090331
unical-mfb||UNICAL MFB|50871|090193
unilag-mfb||UNILAG MFB LTD|51316
unimaid-mfb||UNIMAID MFB|50875
union-bank-of-nigeria|5d6fe57a4099cc4b210bbeb9|Union Bank of Nigeria Plc|032|000018||*826#
united-bank-for-africa|5d6fe57a4099cc4b210bbebb|United Bank For Africa Plc|033|000004|033153513|*919#
unity-bank|5d6fe57a4099cc4b210bbebd|Unity Bank Plc|215|000011|215154097|*7799#
uniuyo-mfb||UNIUYO MFB|50880
unn-mfb||UNN MFB||090251
vfd-mfb||VFD MFB LTD||090110
victory-mfb||VICTORY MFB|51085
visa-mfb||VISA MFB||090139
vista-microfinance-bank||Vista Microfinance Bank Limited|90787
visual-ict||VISUAL ICT LIMITED||100023
vtnetwork||VTNETWORK LIMITED
waya-mfb||WAYA MFB|51355
wema-bank|5d6fe57a4099cc4b210bbebc|Wema Bank Plc|035|000017|035150103|*945#
weston-charis-microfinance-bank||Weston-Charis Microfinance Bank Limited|51386
wetland-mfb||WETLAND MFB||090120
xpress-mts||XPRESS MTS LIMITED
xslnce-mfb||XSLNCE MFB||090124
yes-mfb||YES MFB||090142
zenith-bank|5d6fe57a4099cc4b210bbec2|Zenith Bank Plc|057|000015|057150013|*966#
zitra-microfinance-bank||Zitra Microfinance Bank Limited|51373
"""#
}

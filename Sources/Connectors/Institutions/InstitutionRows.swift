// Written by scripts/generate-institutions; data: see docs/connectors/institutions.md.

enum InstitutionRows {
    static let all = part1 + "\n" + part2

    /// alias, slug; separated by bars.
    static let aliases = #"""
9mobile-9payment-service-bank|9psb
9payment-service-bank|9psb
access|access-bank
airtel-smartcash|smartcash-psb
airtel-smartcash-psb|smartcash-psb
citi|citibank
citibank-nigeria|citibank
diamond|access-bank-diamond
fbn|first-bank-of-nigeria
fidelity|fidelity-bank
globus-bank|globus
gtb|guaranty-trust-bank
gtco|guaranty-trust-bank
heritage|heritage-bank
keystone|keystone-bank
lotus-bank|lotus
mtn-momo|momo-psb
mtn-momo-psb|momo-psb
nova|nova-bank
opay-digital-services|opay
pagatech|paga
parallex-bank|parallex
paycom|opay
polaris|polaris-bank
rubies-mfb|rubies-bank
stanbic|stanbic-ibtc-bank
stanchart|standard-chartered-bank
sterling|sterling-bank
suntrust-bank|suntrust
teamapt|moniepoint
titan|titan-trust-bank
titan-bank|titan-trust-bank
wema|wema-bank
zenith|zenith-bank
"""#
}

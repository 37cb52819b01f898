//! Flags of `helm template`.
use conformance::random::Dice;

use crate::values::word;

const SETS: [&str; 31] = [
    "str=abc",
    "num=5",
    "num=1e3",
    "num=007",
    "num=0x1f",
    "num=12345678901",
    "flag=false",
    "flag=TRUE",
    "nested.image.tag=v2",
    "nested.image.tag=1.10",
    "nested.image=null",
    "map.a=x,map.b=true",
    "map=null",
    "list={a,b,3}",
    "list[0]=zero",
    "list[1].k=v",
    "list={}",
    "setlist[2]=x",
    "setlist[0][1]=y",
    "setmap.k\\.dot=v",
    "setmap.a.b.c=null",
    "str=a\\,b",
    "str=",
    "str=null",
    "removed=null",
    "global.env=set",
    "alpha.str=fromset",
    "alpha.enabled=false",
    "alpha=null",
    "tags.front=false",
    "str=\" q \"",
];
const WRONG: [&str; 10] = [
    "str",
    "=x",
    "a..b=1",
    "list[x]=1",
    "list[-1]=1",
    "setmap.a={x",
    "str[0]=x",
    "a[99999]=1",
    "a.=1",
    "a,b=1",
];
const JSON: [&str; 8] = [
    "setmap={\"a\":1,\"b\":[1,2.5,null]}",
    "num=12",
    "list=[{\"k\":\"v\"},[1]]",
    "str=\"j\\u00e9\"",
    "{\"num\": 3, \"setlist\": [1e2]}",
    "map=null",
    "a={",
    "nested.deep={\"x\": {\"y\": true}},num=1",
];

fn add(flags: &mut Vec<String>, words: &[&str]) {
    flags.extend(words.iter().map(|word| (*word).to_owned()));
}

fn set(flags: &mut Vec<String>, dice: &mut Dice) {
    let expression = if dice.chance(2) { word(dice, &WRONG) } else { word(dice, &SETS) };
    match dice.below(10) {
        0 | 1 => add(flags, &["--set-string", expression]),
        2 => add(flags, &["--set-literal", expression]),
        3 => add(flags, &["--set-file", "str=file.txt"]),
        4 => add(flags, &["--set-json", if dice.chance(5) { JSON[6] } else { word(dice, &JSON[..6]) }]),
        _ => add(flags, &["--set", expression]),
    }
}

/// Flags; `over` says that `over.yaml` is there, `shown` names a template.
pub(crate) fn flags(over: bool, shown: &str, dice: &mut Dice) -> Vec<String> {
    let mut flags = Vec::new();
    if over {
        add(&mut flags, &["-f", "over.yaml"]);
    }
    if dice.chance(50) {
        for _ in 0..1 + dice.below(3) {
            set(&mut flags, dice);
        }
    }
    for (share, words) in [
        (10, &["--namespace", "other"][..]),
        (10, &["--is-upgrade"]),
        (40, &["--include-crds"]),
        (10, &["--no-hooks"]),
        (10, &["--skip-tests"]),
        (5, &["--skip-schema-validation"]),
        (8, &["--show-only", shown]),
        (1, &["--show-only", "templates/nothing.yaml"]),
        (10, &["--api-versions", "example.com/v1/Thing"]),
        (8, &["--kube-version", "1.29"]),
        (8, &["--kube-version", "v1.31.2-gke.100"]),
    ] {
        if dice.chance(share) && !flags.iter().any(|flag| flag == words[0]) {
            add(&mut flags, words);
        }
    }
    flags
}

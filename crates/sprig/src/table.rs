use std::rc::Rc;

use gotemplate::Funcs;

use crate::{
    Host, dates, defaults, dicts, hashes, json, lists, numbers, paths, random, regex, secrets, semver,
    strings, system, toml, urls, yaml,
};

/// Adds all functions of Sprig 3.3. Helm takes `env` and `expandenv` away again.
pub fn add_functions(funcs: &mut Funcs, host: Rc<dyn Host>) {
    let host = &host;
    strings::add(funcs);
    lists::add(funcs);
    dicts::add(funcs);
    defaults::add(funcs);
    numbers::add(funcs);
    hashes::add(funcs);
    regex::add(funcs);
    semver::add(funcs);
    paths::add(funcs);
    urls::add(funcs);
    json::add(funcs);
    dates::add(funcs, host);
    random::add(funcs, host);
    secrets::add(funcs, host);
    system::add(funcs, host);
}

/// Adds Helm's functions for YAML, JSON and TOML, which replace Sprig's of the same names.
pub fn add_encodings(funcs: &mut Funcs) {
    yaml::add(funcs);
    json::add_helm(funcs);
    toml::add(funcs);
}

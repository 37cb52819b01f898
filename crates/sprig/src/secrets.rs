//! Passwords, keys and certificates.

use std::rc::Rc;

use gotemplate::Funcs;

use crate::Host;

pub(crate) fn add(_funcs: &mut Funcs, _host: &Rc<dyn Host>) {}

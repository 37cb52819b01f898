use std::rc::Rc;
pub trait Host {}
pub(crate) fn add_functions(_f: &mut gotemplate::Funcs, _h: Rc<dyn Host>) {}
pub(crate) fn add_encodings(_f: &mut gotemplate::Funcs) {}

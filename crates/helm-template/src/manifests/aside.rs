//! Reading of rendered files while later ones are rendered.
use std::{
    collections::BTreeMap,
    panic::resume_unwind,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread::{self, Builder},
};

use gotemplate::Str;

use super::{Document, SortError, Sorted, assemble, is_partial, split_as};
use crate::{
    capabilities::HelmMajor,
    render::{NOTES, threads_for, without_no_value},
};

/// What was read of rendered files.
#[derive(Default)]
pub(crate) struct Read {
    /// The documents of each file.
    objects: BTreeMap<String, Vec<Document>>,
    /// Notes, which hold no objects.
    pub(crate) notes: BTreeMap<String, String>,
}

impl Read {
    fn all(files: &Receiver<(String, Str)>, helm: HelmMajor) -> Self {
        let mut read = Self::default();
        for (path, text) in files {
            let text = text.text();
            let text = without_no_value(&text);
            if path.ends_with(NOTES) {
                read.notes.insert(path, text.into_owned());
            } else if !is_partial(&path) {
                let documents = split_as(&text, helm).into_iter().map(Document::read).collect();
                read.objects.insert(path, documents);
            }
        }
        read
    }

    /// The objects in install order.
    pub(crate) fn sort(&mut self, helm: HelmMajor) -> Result<Sorted, SortError> {
        let all = std::mem::take(&mut self.objects).into_iter();
        assemble(all.flat_map(|(path, all)| all.into_iter().map(move |one| (path.clone(), one))), helm)
    }
}

/// Gives `render` a place for what it renders, and reads that: on a thread of its own once there is much of it, where
/// there may be another and the system gives one.
pub(crate) fn read_aside<E>(
    helm: HelmMajor,
    threads: usize,
    render: impl FnOnce(&mut dyn FnMut(&str, Str)) -> Result<(), E>,
) -> Result<Read, E> {
    let (sender, receiver) = channel();
    let receiver = Mutex::new(receiver);
    let read = || Read::all(&receiver.lock().unwrap_or_else(PoisonError::into_inner), helm);
    thread::scope(|scope| {
        let (mut bytes, mut aside) = (0, None);
        render(&mut |path, text| {
            bytes += text.len();
            // The receiver lives longer than this.
            let _ = sender.send((path.to_owned(), text));
            if aside.is_none() && threads_for(bytes, threads) > 1 {
                aside = Builder::new().spawn_scoped(scope, read).ok();
            }
        })?;
        drop(sender);
        Ok(match aside {
            Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => read(),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gotemplate::Str;

    use super::read_aside;
    use crate::{capabilities::HelmMajor, manifests::sort};

    fn files() -> BTreeMap<String, String> {
        let text = |at: usize| {
            let service = format!("kind: Service\nmetadata: {{name: s{at}}}\n");
            format!("{service}---\nkind: Namespace\ntext: {}<no value>\n", "x".repeat(60 << 10))
        };
        (0..6).map(|at| (format!("c/templates/{at}.yaml"), text(at))).collect()
    }

    #[test]
    fn what_is_read_aside_is_what_is_read_later() {
        let all = files();
        let plain = all.iter().map(|(path, text)| (path.clone(), text.replace("<no value>", "")));
        let expect = sort(&plain.collect()).unwrap();
        for threads in [1, 2] {
            let mut read = read_aside(HelmMajor::Four, threads, |page| {
                page("c/templates/NOTES.txt", Str::from("a: b: c".as_bytes()));
                page("c/templates/_x.tpl", Str::from("a: b: c".as_bytes()));
                all.iter().for_each(|(path, text)| page(path, Str::from(text.as_bytes())));
                Ok::<(), ()>(())
            })
            .unwrap_or_default();
            assert_eq!(read.notes["c/templates/NOTES.txt"], "a: b: c");
            assert_eq!(read.sort(HelmMajor::Four).unwrap(), expect);
        }
    }

    #[test]
    fn a_render_that_fails_ends_the_reading() {
        let failed = read_aside(HelmMajor::Four, 2, |page| {
            files().iter().for_each(|(path, text)| page(path, Str::from(text.as_bytes())));
            Err("failed")
        });
        assert_eq!(failed.err(), Some("failed"));
    }
}

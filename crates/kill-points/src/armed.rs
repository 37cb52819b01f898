use std::{
    env, fs,
    fs::File,
    io::Write,
    path::PathBuf,
    process,
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::Point;

/// The variable that names the folder. Without it nothing happens.
pub const FOLDER: &str = "SLUICE_KILL_POINTS";
/// The file of the folder to which each pass appends a line.
pub const HITS: &str = "hits";
/// The file of the folder that says where to die: `POINT N`.
pub const ORDER: &str = "order";

struct Armed {
    folder: PathBuf,
    hits: File,
    order: String,
    /// Passes of the ordered point since the order was seen.
    passed: u32,
}

/// Notes the pass, and ends the process when that is ordered.
pub fn at(point: Point) {
    static ARMED: OnceLock<Option<Mutex<Armed>>> = OnceLock::new();
    if let Some(armed) = ARMED.get_or_init(Armed::open) {
        armed.lock().unwrap_or_else(PoisonError::into_inner).pass(point);
    }
}

impl Armed {
    fn open() -> Option<Mutex<Armed>> {
        let folder = PathBuf::from(env::var_os(FOLDER)?);
        let hits = File::options().create(true).append(true).open(folder.join(HITS)).ok()?;
        Some(Mutex::new(Armed { folder, hits, order: String::new(), passed: 0 }))
    }

    fn pass(&mut self, point: Point) {
        let _ = writeln!(self.hits, "{point}");
        let order = fs::read_to_string(self.folder.join(ORDER)).unwrap_or_default();
        if order != self.order {
            self.order = order;
            self.passed = 0;
        }
        let Some((name, count)) = self.order.trim().split_once(' ') else { return };
        if name != point.name() {
            return;
        }
        self.passed += 1;
        if count.parse() == Ok(self.passed) {
            let _ = fs::remove_file(self.folder.join(ORDER));
            process::abort();
        }
    }
}

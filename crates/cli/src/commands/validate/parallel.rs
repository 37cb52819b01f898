use std::thread;

use gotemplate::each;

use crate::say::Bar;

/// Does the work of each item on as many threads as there are processors; results in the order of the items.
pub(super) fn parallel<T: Sync, R: Send>(what: &str, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let bar = Bar::start(what, items.len());
    each(items, thread::available_parallelism().map_or(1, usize::from), |item| {
        let result = work(item);
        bar.step();
        result
    })
}

#[cfg(test)]
mod tests {
    use super::parallel;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(
            parallel("items", &items, |item| item * 2),
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        assert_eq!(parallel("items", &[], |item: &usize| *item), Vec::<usize>::new());
    }
}

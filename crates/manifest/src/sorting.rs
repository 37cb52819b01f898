/// Sorts by an order that may be none: where Go compares so that items can stand before each other in a circle. The sorts of
/// Rust may panic then. Up to twelve items come as Go's sort brings them, whatever the order.
pub fn sort_in_any_order<T: Copy>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    const FEW: usize = 12;
    if items.len() <= FEW {
        return insert_each(items, less);
    }
    let (left, right) = items.split_at_mut(items.len() / 2);
    sort_in_any_order(left, less);
    sort_in_any_order(right, less);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let mut rest = left.iter().peekable();
    for item in right.iter() {
        while let Some(earlier) = rest.next_if(|earlier| !less(item, earlier)) {
            merged.push(*earlier);
        }
        merged.push(*item);
    }
    merged.extend(rest);
    items.copy_from_slice(&merged);
}

fn insert_each<T: Copy>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    for from in 1..items.len() {
        let mut at = from;
        while at > 0 && less(&items[at], &items[at - 1]) {
            items.swap(at, at - 1);
            at -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sort_in_any_order;

    #[test]
    fn numbers_are_sorted_and_equal_ones_stay() {
        let mut items: Vec<(u32, usize)> = (0..5_000).map(|at| (at as u32 * 7_919 % 1_000, at)).collect();
        let mut expect = items.clone();
        expect.sort_by_key(|item| item.0);
        sort_in_any_order(&mut items, &|a, b| a.0 < b.0);
        assert_eq!(items, expect);
    }

    #[test]
    fn a_circle_loses_nothing() {
        let mut items: Vec<u32> = (0..1_000).collect();
        sort_in_any_order(&mut items, &|a, b| (a + 1) % 3 == b % 3);
        items.sort_unstable();
        assert!(items.into_iter().eq(0..1_000));
    }
}

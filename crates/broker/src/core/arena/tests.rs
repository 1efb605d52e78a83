use super::Arena;

#[test]
fn an_id_does_not_find_the_next_tenant() {
    let mut arena = Arena::new();
    let first = arena.insert_with(|_| "first");
    assert_eq!(arena.remove(first), Some("first"));
    let second = arena.insert_with(|_| "second");
    assert_eq!(first.index, second.index);
    assert_eq!(arena.get(first), None);
    assert_eq!(arena.remove(first), None);
    assert_eq!(arena.get(second), Some(&"second"));
    assert_eq!(arena.len(), 1);
    assert_eq!(arena.iter().count(), 1);
}

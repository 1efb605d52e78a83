use super::*;

#[tokio::test]
async fn a_panic_is_an_error_with_its_message() {
    let plain = caught::<()>(async { panic!("no disk") }).await;
    assert_eq!(plain, Err(ServiceError::new("it panicked: no disk")));
    let disk = 7;
    let formatted = caught::<()>(async { panic!("no disk {disk}") }).await;
    assert_eq!(formatted, Err(ServiceError::new("it panicked: no disk 7")));
}

#[tokio::test]
async fn a_future_knows_who_it_is() {
    let (one, other) = (WorkId::new(), WorkId::new());
    assert!(!one.is_current());
    one.scope(async {
        assert!(one.is_current());
        assert!(!other.is_current());
    })
    .await;
}

use super::*;

#[test]
fn a_template_is_filled_in_and_the_folder_goes_with_its_owner() {
    let place = Place::new(false).unwrap();
    let folder = place.folder().to_owned();
    let values = [("port", "5672".to_owned()), ("host", "control".to_owned())];
    let file = place
        .write("a.conf", "url = {host}:{port}/{host}\n", &values)
        .unwrap();
    assert_eq!(
        fs::read_to_string(file).unwrap(),
        "url = control:5672/control\n"
    );
    drop(place);
    assert!(!folder.exists());
}

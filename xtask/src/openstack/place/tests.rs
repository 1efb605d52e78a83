use super::super::neutron;
use super::*;

#[test]
fn templates_are_filled_in_and_the_folder_goes_with_its_owner() {
    let place = Place::new(false).unwrap();
    let folder = place.folder().to_owned();
    let values = [("port", "5672".to_owned()), ("host", "control".to_owned())];
    let file = place
        .write("a.conf", "url = {host}:{port}/{host}\n", &values)
        .unwrap();
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(text, "url = control:5672/control\n");

    let url = "rabbit://guest:guest@127.0.0.1:5672/";
    let file = neutron::configure(Path::new("venv"), &place, url).unwrap();
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(&format!("transport_url = {url}\n")));
    assert!(!text.contains('{'), "a value is missing: {text}");

    drop(place);
    assert!(!folder.exists());
}

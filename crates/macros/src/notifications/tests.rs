use super::*;

fn expanded(settings: TokenStream, item: TokenStream) -> String {
    expand(settings, item).to_string()
}

#[test]
fn mistakes_are_named_all_at_once() {
    let item = quote! {
        impl Meter {
            fn info(&self, event: &ReceivedEvent) -> Result<(), Lost> {}
            async fn warn(&mut self, event: &ReceivedEvent) -> Result<(), Lost> {}
            async fn error(&self) -> Result<(), Lost> {}
            fn helper(self) {}
        }
    };
    let text = expanded(quote!(), item);
    for message in [
        "`info` takes notifications: make it an `async fn`",
        "`warn` takes notifications: its arguments are `&self, event: &ReceivedEvent`",
        "`error` takes notifications: its arguments",
    ] {
        assert!(text.contains(message), "{message} in {text}");
    }
    assert!(!text.contains("`helper`"), "{text}");
}

#[test]
fn other_items_and_keys_are_refused() {
    let text = expanded(
        quote!(),
        quote!(
            struct Meter;
        ),
    );
    assert!(text.contains("stands on the impl block"), "{text}");
    let text = expanded(quote!(), quote!(impl Meter { fn warning(&self) {} }));
    assert!(text.contains("give it a method called audit"), "{text}");
    let method = quote!(
        async fn info(&self, event: &ReceivedEvent) -> Result<(), Lost> {}
    );
    let text = expanded(quote!(), quote!(impl Take for Meter { #method }));
    assert!(text.contains("stands on an inherent impl"), "{text}");
    let text = expanded(quote!(pool = "a"), quote!(impl Meter { #method }));
    assert!(text.contains("unknown key `pool`"), "{text}");
}

#[test]
fn mistakes_with_events_are_named_all_at_once() {
    let item = quote! {
        impl Meter {
            #[event(CREATED)]
            async fn created(&self, event: &ReceivedEvent, payload: Created) -> Result<(), Lost> {}
            #[event(CREATED)]
            async fn again(&self, event: &ReceivedEvent, payload: Created) -> Result<(), Lost> {}
            #[event(DELETED)]
            async fn info(&self, event: &ReceivedEvent, payload: Deleted) -> Result<(), Lost> {}
            #[event]
            async fn untyped(&self, event: &ReceivedEvent, payload: Created) -> Result<(), Lost> {}
            #[event("resized")]
            fn resized(&self, event: &ReceivedEvent) -> Result<(), Lost> {}
            #[event(MOVED)]
            #[event(COPIED)]
            async fn moved(&self, event: &ReceivedEvent, payload: Moved) -> Result<(), Lost> {}
        }
    };
    let text = expanded(quote!(), item);
    for message in [
        "`created` takes these events already",
        "`info` takes all events of a priority: call this one otherwise",
        "write the constant that declares the events",
        "`resized` takes notifications: make it an `async fn`",
        "`resized` takes notifications: its arguments are `&self, event: &ReceivedEvent, payload: T`",
        "one method takes the events of one type",
    ] {
        assert!(text.contains(message), "{message} in {text}");
    }
    assert!(
        !text.contains("# [event"),
        "the marks are taken off: {text}"
    );
}

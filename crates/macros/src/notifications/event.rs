//! `#[event(…)]`: a method for the events of one type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Ident, ImplItemFn, Path};

use super::{check, priority};
use crate::errors::Errors;

/// A method and the type of its events.
pub(super) struct EventMethod {
    name: Ident,
    event_type: Path,
}

impl EventMethod {
    /// The methods that are marked; mistakes are noted.
    pub(super) fn all<'a>(
        functions: impl Iterator<Item = &'a ImplItemFn>,
        errors: &mut Errors,
    ) -> Vec<Self> {
        let mut methods: Vec<Self> = Vec::new();
        for function in functions {
            let Some(method) = Self::parse(function, errors) else {
                continue;
            };
            let key = method.event_type.to_token_stream().to_string();
            let same = |other: &&Self| other.event_type.to_token_stream().to_string() == key;
            if let Some(other) = methods.iter().find(same) {
                let message = format!("`{}` takes these events already", other.name);
                errors.push(syn::Error::new_spanned(&method.event_type, message));
            }
            methods.push(method);
        }
        methods
    }

    fn parse(function: &ImplItemFn, errors: &mut Errors) -> Option<Self> {
        let mut marks = function.attrs.iter().filter(|attribute| is_mark(attribute));
        let mark = marks.next()?;
        if let Some(second) = marks.next() {
            let message = "one method takes the events of one type";
            errors.push(syn::Error::new_spanned(second, message));
        }
        let name = &function.sig.ident;
        if priority(function).is_some() {
            let message =
                format!("`{name}` takes all events of a priority: call this one otherwise");
            errors.at(name.span(), message);
        }
        check(function, &["event: &ReceivedEvent", "payload: T"], errors);
        let event_type = mark.parse_args().map_err(|_| {
            let message =
                "write the constant that declares the events: `#[event(INSTANCE_CREATE_END)]`";
            syn::Error::new_spanned(mark, message)
        });
        Some(Self {
            name: name.clone(),
            event_type: errors.note(event_type)?,
        })
    }

    /// Answers from this method if the event is one of its own.
    pub(super) fn answer(&self, notify: &TokenStream) -> TokenStream {
        let Self { name, event_type } = self;
        // A payload of another type than the method's is a mistake at this place.
        let place = Span::call_site().located_at(event_type.span());
        quote_spanned! {place=>
            if event.is(&#event_type) {
                let payload = event.decode(&#event_type)?;
                return #notify::Handled::of(Self::#name(self, event, payload).await);
            }
        }
    }

    /// Whether the event is one of its own.
    pub(super) fn wants(&self) -> TokenStream {
        let event_type = &self.event_type;
        quote!(event.is(&#event_type))
    }

    /// The priority of its events.
    pub(super) fn priority(&self) -> TokenStream {
        let event_type = &self.event_type;
        quote!(#event_type.priority())
    }
}

pub(super) fn is_mark(attribute: &Attribute) -> bool {
    attribute.path().is_ident("event")
}

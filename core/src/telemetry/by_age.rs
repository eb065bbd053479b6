//! Values by the id of a request, the oldest first. A body may name as many requests as it has events: each step costs the
//! same, however many there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Values by id.
#[derive(Debug)]
pub(crate) struct ByAge<T> {
    values: HashMap<Arc<str>, (u64, T)>,
    order: BTreeMap<u64, Arc<str>>,
    next: u64,
}

impl<T> Default for ByAge<T> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T> ByAge<T> {
    /// Adds a value as the newest. One of the same id is replaced.
    pub(crate) fn insert(&mut self, id: &str, value: T) {
        let id: Arc<str> = id.into();
        self.next += 1;
        self.order.insert(self.next, Arc::clone(&id));
        if let Some((before, _)) = self.values.insert(id, (self.next, value)) {
            self.order.remove(&before);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.values.get(id).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.values.get_mut(id).map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.values.contains_key(id)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        // Most are empty nearly always, and a hash costs more than this.
        if self.values.is_empty() {
            return None;
        }
        let (number, value) = self.values.remove(id)?;
        self.order.remove(&number);
        Some(value)
    }

    /// The value added first, and its id.
    pub(crate) fn oldest(&self) -> Option<(&str, &T)> {
        let (_, id) = self.order.first_key_value()?;
        Some((id, self.get(id)?))
    }

    /// Takes out the value added first.
    pub(crate) fn pop_oldest(&mut self) -> Option<(Arc<str>, T)> {
        let (_, id) = self.order.pop_first()?;
        let (_, value) = self.values.remove(&id)?;
        Some((id, value))
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Ids, the oldest first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.order.values().map(|id| &**id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_id_and_leave_by_age() {
        let mut values = ByAge::default();
        for (id, value) in [("a", 1), ("b", 2), ("c", 3)] {
            values.insert(id, value);
        }
        values.insert("a", 4);
        assert_eq!(values.ids().collect::<Vec<_>>(), ["b", "c", "a"]);
        assert_eq!((values.len(), values.get("a")), (3, Some(&4)));
        assert_eq!(values.oldest(), Some(("b", &2)));
        assert_eq!((values.remove("b"), values.remove("b")), (Some(2), None));
        values.get_mut("c").into_iter().for_each(|value| *value += 1);
        assert_eq!(values.pop_oldest(), Some(("c".into(), 4)));
        assert!(values.contains("a") && !values.contains("c"));
        assert_eq!(values.pop_oldest(), Some(("a".into(), 4)));
        assert_eq!((values.pop_oldest(), values.len(), values.order.len()), (None, 0, 0));
    }
}

// Package intake bounds the memory that uploads of events take, however many and
// however slow they are, and divides it fairly among tenants.
package intake

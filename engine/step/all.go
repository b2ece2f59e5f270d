package step

// All returns the built-in steps by the type of their block. Each function
// makes a new configuration for a block with the given label.
func All() map[string]func(name string) Config {
	return map[string]func(name string) Config{
		"map":    func(name string) Config { return &Map{Name: name} },
		"filter": func(name string) Config { return &Filter{Name: name} },
		"check":  func(name string) Config { return &Check{Name: name} },
		"dedupe": func(name string) Config { return &Dedupe{Name: name} },
		"group":  func(name string) Config { return &Group{Name: name} },
		"expand": func(name string) Config { return &Expand{Name: name} },
	}
}

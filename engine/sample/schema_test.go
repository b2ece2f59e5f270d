package sample_test

import "github.com/hashicorp/hcl/v2"

func blockSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "decode", LabelNames: []string{"type"}}}}
}
